# Sourced: the files of many whole fits in threads, which compute what the kernels' own tests compute.
whole_fits=(tests/train/test_{averaging,blocks,compression,cut_scores,factors,jobs,max_steps,ordered,padding,periodic_blocks,probe,short_fits,sparse,spilled}.py)
