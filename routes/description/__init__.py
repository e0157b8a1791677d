"""The OpenAPI description of this port: made of the app's own routes and the models that validate."""
