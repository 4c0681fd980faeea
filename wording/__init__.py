"""Checks of the texts that people read: complete, true to the English, in the words of the law,
and plain. `python -m wording` checks all languages, `python -m wording hu` one of them, and
`python -m wording --update` carries new English texts into the files for translators.
"""
