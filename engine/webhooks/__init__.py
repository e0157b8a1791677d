"""Webhooks (wire reference 5): endpoints, their secrets, and deliveries to them; it decides nothing about jobs."""
