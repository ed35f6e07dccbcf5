"""Reading the words on an original and judging them (extra `ocr`)."""
