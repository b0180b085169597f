"""How each export is, whether that is still known, and the words for it.

states    what each such word carries with it: urgency, meaning, label, mark
status    the mart's rows, and one enum of healths, the worst first
verdicts  one enum of the verdicts on deliveries
deliveries  the delivered files of the last days
judge     the judgement on all exports: problems, staleness
headline  its first sentence
nagios    the judgement as the line of a monitoring plugin
words     how numbers, times, names and texts from outside are written
"""
