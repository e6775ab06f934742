"""The address guard: what is probably wrong with a mail address before anything goes there.

Pure functions over a book of known addresses. The command line asks them before it sends, the
exchange asks the same ones again before it makes a share.
"""
