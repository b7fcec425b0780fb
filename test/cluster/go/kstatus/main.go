// Reads Kubernetes objects, one JSON document after another, and writes for each what kstatus makes of its status:
// {"status":"InProgress","message":"…"}. Flux, helm and kpt judge by this library.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	if err := judge(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(objects io.Reader, results io.Writer) error {
	in, out := json.NewDecoder(objects), json.NewEncoder(results)
	for {
		var object unstructured.Unstructured
		if err := in.Decode(&object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		result, err := status.Compute(&object)
		if err != nil {
			return err
		}
		said := map[string]string{"status": result.Status.String(), "message": result.Message}
		if err := out.Encode(said); err != nil {
			return err
		}
	}
}
