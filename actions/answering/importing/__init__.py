"""Takes a clinic's own content and public health topics into the knowledge. Start reading at `take_in.py`."""
