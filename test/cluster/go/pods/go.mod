module isthmus.dev/test/cluster/pods

go 1.24.0
