// Command storage is the dynamic provisioner of a one-node test cluster: a folder of the node for each claim.
//
// It gives claims of its class a hostPath volume, grows a volume whose claim asks for more, and removes the folder of a
// volume that its claim has let go. It knows no quota: a folder can hold more than the volume says.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
	"time"
)

// provisioner is the name that the storage class carries, and that marks the volumes made here.
const provisioner = "kfpops.dev/node-folder"

func main() {
	log.SetFlags(log.Ltime)
	server := flag.String("server", "", "URL of the API server")
	authority := flag.String("ca", "", "PEM file of the server's certificate authority")
	certificate := flag.String("cert", "", "PEM file of the client certificate")
	key := flag.String("key", "", "PEM file of the client's key")
	folder := flag.String("folder", "", "folder that holds the volumes")
	class := flag.String("class", "standard", "storage class to serve")
	period := flag.Duration("period", 500*time.Millisecond, "time between two looks at the cluster")
	flag.Parse()

	api, err := newClient(*server, *authority, *certificate, *key)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.MkdirAll(*folder, 0o755); err != nil {
		log.Fatal(err)
	}
	s := storage{api: api, folder: *folder, class: *class}
	for {
		if err := s.pass(); err != nil {
			log.Print(err)
		}
		time.Sleep(*period)
	}
}

type storage struct {
	api    *client
	folder string
	class  string
}

// pass looks at every claim and volume once; what fails is tried again on the next pass.
func (s *storage) pass() error {
	var volumes list[volume]
	if err := s.api.call("GET", "/api/v1/persistentvolumes", "", nil, &volumes); err != nil {
		return err
	}
	var claims list[claim]
	if err := s.api.call("GET", "/api/v1/persistentvolumeclaims", "", nil, &claims); err != nil {
		return err
	}
	byName := map[string]volume{}
	for _, v := range volumes.Items {
		byName[v.Metadata.Name] = v
		if v.Metadata.Annotations[provisionedBy] == provisioner && v.Status.Phase == "Released" && v.Spec.ReclaimPolicy == "Delete" {
			if err := s.remove(v); err != nil {
				log.Print(err)
			}
		}
	}
	for _, c := range claims.Items {
		if c.Spec.Class == nil || *c.Spec.Class != s.class || c.Metadata.DeletionTimestamp != "" {
			continue
		}
		if err := s.serve(c, byName); err != nil {
			log.Print(err)
		}
	}
	return nil
}

// serve makes the volume of a claim that has none, or grows it to what the claim asks for.
func (s *storage) serve(c claim, volumes map[string]volume) error {
	name := "pvc-" + c.Metadata.UID
	v, exists := volumes[name]
	wanted := c.Spec.Resources.Requests.Storage
	if !exists {
		if c.Spec.VolumeName != "" {
			return nil
		}
		path := filepath.Join(s.folder, name)
		if err := os.MkdirAll(path, 0o777); err != nil {
			return err
		}
		// The user of the pod is not known here, and fsGroup does not reach folders of the node.
		if err := os.Chmod(path, 0o777); err != nil {
			return err
		}
		log.Printf("volume %s (%s) for claim %s/%s", name, wanted, c.Metadata.Namespace, c.Metadata.Name)
		return s.api.call("POST", "/api/v1/persistentvolumes", "application/json", newVolume(name, path, s.class, c), nil)
	}
	if c.Status.Phase != "Bound" || wanted == c.Status.Capacity.Storage {
		return nil
	}
	size := map[string]any{"capacity": map[string]string{"storage": wanted}}
	if v.Spec.Capacity.Storage != wanted {
		log.Printf("volume %s grows from %s to %s", name, v.Spec.Capacity.Storage, wanted)
		if err := s.api.call("PATCH", "/api/v1/persistentvolumes/"+name, mergePatch, map[string]any{"spec": size}, nil); err != nil {
			return err
		}
	}
	path := "/api/v1/namespaces/" + c.Metadata.Namespace + "/persistentvolumeclaims/" + c.Metadata.Name + "/status"
	return s.api.call("PATCH", path, mergePatch, map[string]any{"status": size}, nil)
}

// remove deletes the data first: a volume object that is left over is seen on the next pass, a lost folder is not.
func (s *storage) remove(v volume) error {
	log.Printf("volume %s is let go: removed with its data", v.Metadata.Name)
	if filepath.Dir(v.Spec.HostPath.Path) == filepath.Clean(s.folder) {
		if err := os.RemoveAll(v.Spec.HostPath.Path); err != nil {
			return err
		}
	}
	return s.api.call("DELETE", "/api/v1/persistentvolumes/"+v.Metadata.Name, "", nil, nil)
}
