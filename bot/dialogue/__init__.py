"""The dialogue: a Rasa project with a lock of its own, and the commands that train and run it.

Between screening and answering. Rasa decides what happens in a turn and names replies by id; it holds no words.
"""
