// A server that tells each client its own address and the name of the pod that it reached: "10.96.0.9 echo-7d4f".
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	listener, err := net.Listen("tcp", ":2525")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		os.Exit(0)
	}()
	name, _ := os.Hostname()
	for {
		connection, err := listener.Accept()
		if err != nil {
			continue
		}
		host, _, _ := net.SplitHostPort(connection.RemoteAddr().String())
		fmt.Fprintf(connection, "%s %s\n", host, name)
		connection.Close()
	}
}
