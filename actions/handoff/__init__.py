"""Cases and their queue: the way from the bot to a person."""
