// The etcd server: its own module cannot be built by `go install`, because it replaces some of its requirements.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
