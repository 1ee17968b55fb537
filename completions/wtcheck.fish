complete --keep-order --exclusive --command wtcheck --arguments "(WTCHECK_COMPLETE=fish wtcheck -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
