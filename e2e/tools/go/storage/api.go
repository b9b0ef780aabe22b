package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	mergePatch    = "application/merge-patch+json"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
)

// Only the fields that are read here; names are Kubernetes' own.
type (
	list[T any] struct {
		Items []T `json:"items"`
	}
	metadata struct {
		Name              string            `json:"name"`
		Namespace         string            `json:"namespace"`
		UID               string            `json:"uid"`
		Annotations       map[string]string `json:"annotations"`
		DeletionTimestamp string            `json:"deletionTimestamp"`
	}
	size struct {
		Storage string `json:"storage"`
	}
	claim struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			AccessModes []string `json:"accessModes"`
			Class       *string  `json:"storageClassName"`
			VolumeName  string   `json:"volumeName"`
			VolumeMode  string   `json:"volumeMode"`
			Resources   struct {
				Requests size `json:"requests"`
			} `json:"resources"`
		} `json:"spec"`
		Status struct {
			Phase    string `json:"phase"`
			Capacity size   `json:"capacity"`
		} `json:"status"`
	}
	volume struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			Capacity      size   `json:"capacity"`
			ReclaimPolicy string `json:"persistentVolumeReclaimPolicy"`
			HostPath      struct {
				Path string `json:"path"`
			} `json:"hostPath"`
		} `json:"spec"`
		Status struct {
			Phase string `json:"phase"`
		} `json:"status"`
	}
)

func newVolume(name, path, class string, c claim) map[string]any {
	return map[string]any{
		"apiVersion": "v1",
		"kind":       "PersistentVolume",
		"metadata":   map[string]any{"name": name, "annotations": map[string]string{provisionedBy: provisioner}},
		"spec": map[string]any{
			"accessModes":                   c.Spec.AccessModes,
			"capacity":                      map[string]string{"storage": c.Spec.Resources.Requests.Storage},
			"persistentVolumeReclaimPolicy": "Delete",
			"storageClassName":              class,
			"volumeMode":                    c.Spec.VolumeMode,
			"hostPath":                      map[string]string{"path": path, "type": "Directory"},
			"claimRef": map[string]string{
				"apiVersion": "v1",
				"kind":       "PersistentVolumeClaim",
				"namespace":  c.Metadata.Namespace,
				"name":       c.Metadata.Name,
				"uid":        c.Metadata.UID,
			},
		},
	}
}

type client struct {
	server string
	http   http.Client
}

func newClient(server, authority, certificate, key string) (*client, error) {
	pem, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", authority)
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	return &client{server: server, http: http.Client{Transport: transport, Timeout: 10 * time.Second}}, nil
}

// call sends one request; an answer outside 2xx is an error that carries the server's words.
func (c *client) call(method, path, contentType string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(raw)
	}
	request, err := http.NewRequest(method, c.server+path, sent)
	if err != nil {
		return err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, raw)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(raw, answer)
}
