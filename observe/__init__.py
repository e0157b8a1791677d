"""What both servers tell of themselves: log lines, figures, who did what. Never a secret, and never a body."""
