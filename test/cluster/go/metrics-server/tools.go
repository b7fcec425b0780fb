//go:build tools

// Package metricsserver names the source of pod metrics that the tests of autoscaling build, so that go.mod and go.sum cover it.
package metricsserver

import _ "sigs.k8s.io/metrics-server/cmd/metrics-server"
