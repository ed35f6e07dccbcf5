"""From a brief to one exact, fingerprinted request: words, references, aspect ratio."""
