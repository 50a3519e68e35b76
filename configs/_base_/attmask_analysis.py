# What AttMask's analysis on 20 % of ImageNet-1k changes of the 100-epoch recipe (Appendix B): six
# local crops, a faster teacher. The images are the first 260 of each class in the order of their
# names, as published; 65 and 130 give the 5 % and 10 % of Table 2, of which the paper doesn't say
# which images they are.
analysis = dict(max_per_class=260, num_local=6, momentum=0.99)
