"""What Rasa itself must load by module path; the only code of the product that runs inside Rasa's environment.

Python 3.10, the versions of `bot/dialogue/requirements.txt`, and nothing of `bot` may be imported from here.
"""
