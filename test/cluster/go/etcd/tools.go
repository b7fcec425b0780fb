//go:build tools

// Package etcd names the database of the Kubernetes cluster that the tests build, so that go.mod and go.sum cover it.
package etcd

import _ "go.etcd.io/etcd/server/v3"
