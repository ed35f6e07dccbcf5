"""Bytes on disk: atomic files, the content-addressed image store, the data folder."""
