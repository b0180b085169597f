"""The delivered files of the exports: listed, counted, and kept before they vanish.

stores      a folder or a bucket: list, read one version of a file
layout      which keys are files of which partition
listing     the partitions that matter, in as few requests as the store allows
counting    one gzip file, block by block
archive     a verified copy of each file
reading     what of the partitions has to be read, and what came of it
source      the dlt source
"""
