"""A campaign's set as a folder: manifest, gallery, contact sheet, index."""
