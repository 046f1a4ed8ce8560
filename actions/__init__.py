"""What the bot does besides talking: answers from reviewed passages, and handoff to people."""
