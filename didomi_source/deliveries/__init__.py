"""The delivered files of the exports: listed, counted, and kept before they vanish.

stores      a folder, or (buckets) a bucket: list, read one version of a file; access opens it
layout      which keys are files of which partition
listing     the partitions that matter, in as few requests as the store allows
known       what the destination holds already
counting    one gzip file, block by block
archive     verified copies
planning    what has to be read
reading     its reading, files side by side (with files)
rows        the rows that come of it
outcome     what a run asks for, and what it learned
source      the dlt source
"""
