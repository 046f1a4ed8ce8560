"""The doors of Bedside (web, Telegram, desk) and the dialogue between them."""
