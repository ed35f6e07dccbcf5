"""Copy set on a picture: fonts, line breaks, layout, contrast, banner, watermark."""
