module wadi/cluster/pause

go 1.24
