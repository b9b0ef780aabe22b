// Command fakegcs is a stand-in for Google Cloud Storage, for tests; it is not Google's and proves nothing about Google's.
//
// Objects, reading, listing and deleting are fake-gcs-server's, unchanged. What that server lacks of the XML API is
// written here after Google's pages: plain uploads (the server takes signed ones only, and answers them without an
// ETag), uploads in parts, errors in Google's words, and a look at who asks. Everything is kept in memory.
//
// Requests to the JSON API are the tests' own, and anybody may make them. Listings have no pages.
package main

import (
	"encoding/xml"
	"flag"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

func main() {
	listen := flag.String("listen", "", "address and port")
	keys := flag.String("keys", "", "folder that gets two key files: known.json, which may do everything, and stranger.json")
	flag.Parse()
	known, err := newAccount(*keys, "known")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := newAccount(*keys, "stranger"); err != nil {
		log.Fatal(err)
	}
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener:  true,
		Scheme:      "http",
		PublicHost:  *listen,
		ExternalURL: "http://" + *listen,
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*listen, &standIn{server: server, known: known, uploads: map[string]*upload{}}))
}

// refusal is an error of the XML API.
type refusal struct {
	status  int
	code    string
	message string
}

func (s *standIn) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	if strings.HasPrefix(request.URL.Path, "/storage/v1/") {
		s.server.HTTPHandler().ServeHTTP(answer, request)
		return
	}
	refused := s.known.admits(request)
	if refused == nil {
		refused = s.serve(answer, request)
	}
	if refused != nil {
		refused.tell(answer)
	}
}

func (s *standIn) serve(answer http.ResponseWriter, request *http.Request) *refusal {
	bucket, object, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	if _, err := s.server.Backend().GetBucket(bucket); err != nil {
		return &refusal{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist."}
	}
	query := request.URL.Query()
	part := query.Has("uploadId")
	switch {
	case request.Header.Get("x-goog-if-generation-match") != "":
		return &refusal{http.StatusNotImplemented, "NotImplemented", "The stand-in knows no conditions."}
	case request.Method == http.MethodPut && part:
		return s.keepPart(answer, request)
	case request.Method == http.MethodPut:
		return s.put(answer, request, bucket, object)
	case request.Method == http.MethodPost && query.Has("uploads"):
		return s.begin(answer, bucket, object)
	case request.Method == http.MethodPost && part:
		return s.complete(answer, request)
	case request.Method == http.MethodDelete && part:
		return s.abort(answer, request)
	}
	s.server.HTTPHandler().ServeHTTP(answer, request)
	return nil
}

func (r *refusal) tell(answer http.ResponseWriter) {
	answer.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	answer.WriteHeader(r.status)
	fmt.Fprintf(answer, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>%s</Message></Error>",
		r.code, r.message)
}

// tell answers with XML.
func tell(answer http.ResponseWriter, content any) *refusal {
	text, err := xml.Marshal(content)
	if err != nil {
		return &refusal{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	answer.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	if _, err := answer.Write(text); err != nil {
		log.Print(err)
	}
	return nil
}
