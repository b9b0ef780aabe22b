package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// smallest is the least size of every part but the last: 5 MiB, says Google's page of quotas.
const smallest = 5 << 20

type standIn struct {
	server  *fakestorage.Server
	known   *account
	lock    sync.Mutex
	uploads map[string]*upload
	count   int
}

// upload is one in parts, under way.
type upload struct {
	bucket, object string
	parts          map[int][]byte
}

func etag(content []byte) string {
	sum := md5.Sum(content)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// store keeps an object and returns its generation.
func (s *standIn) store(bucket, object, kind string, content []byte) (string, *refusal) {
	attributes := fakestorage.ObjectAttrs{BucketName: bucket, Name: object, ContentType: kind}
	made := fakestorage.Object{ObjectAttrs: attributes, Content: content}
	if err := s.server.CreateObjectStreaming(made.StreamingObject()); err != nil {
		return "", &refusal{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	kept, err := s.server.GetObject(bucket, object)
	if err != nil {
		return "", &refusal{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	return strconv.FormatInt(kept.Generation, 10), nil
}

func (s *standIn) put(answer http.ResponseWriter, request *http.Request, bucket, object string) *refusal {
	content, err := io.ReadAll(request.Body)
	if err != nil {
		return &refusal{http.StatusBadRequest, "IncompleteBody", "The body ended early."}
	}
	generation, refused := s.store(bucket, object, request.Header.Get("Content-Type"), content)
	if refused == nil {
		answer.Header().Set("ETag", etag(content))
		answer.Header().Set("x-goog-generation", generation)
	}
	return refused
}

func (s *standIn) begin(answer http.ResponseWriter, bucket, object string) *refusal {
	s.lock.Lock()
	s.count++
	id := fmt.Sprintf("upload-%d", s.count)
	s.uploads[id] = &upload{bucket: bucket, object: object, parts: map[int][]byte{}}
	s.lock.Unlock()
	return tell(answer, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadId string
	}{Bucket: bucket, Key: object, UploadId: id})
}

// underWay finds the upload of a request; the lock is held.
func (s *standIn) underWay(request *http.Request) (string, *upload, *refusal) {
	id := request.URL.Query().Get("uploadId")
	found, ok := s.uploads[id]
	if !ok || !strings.HasSuffix(request.URL.Path, "/"+found.object) {
		return id, nil, &refusal{http.StatusNotFound, "NoSuchUpload", "The requested upload was not found."}
	}
	return id, found, nil
}

func (s *standIn) keepPart(answer http.ResponseWriter, request *http.Request) *refusal {
	content, err := io.ReadAll(request.Body)
	if err != nil {
		return &refusal{http.StatusBadRequest, "IncompleteBody", "The body ended early."}
	}
	number, err := strconv.Atoi(request.URL.Query().Get("partNumber"))
	if err != nil || number < 1 || number > 10_000 {
		return &refusal{http.StatusBadRequest, "InvalidArgument", "A part's number is 1 to 10000."}
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	_, found, refused := s.underWay(request)
	if refused == nil {
		found.parts[number] = content
		answer.Header().Set("ETag", etag(content))
	}
	return refused
}

func (s *standIn) complete(answer http.ResponseWriter, request *http.Request) *refusal {
	var wanted struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.NewDecoder(request.Body).Decode(&wanted); err != nil || len(wanted.Part) == 0 {
		return &refusal{http.StatusBadRequest, "MalformedCompleteMultipartUploadRequest", "This is no list of parts."}
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	id, found, refused := s.underWay(request)
	if refused != nil {
		return refused
	}
	var content []byte
	for index, part := range wanted.Part {
		kept, ok := found.parts[part.PartNumber]
		if !ok || etag(kept) != part.ETag || (index > 0 && part.PartNumber <= wanted.Part[index-1].PartNumber) {
			return &refusal{http.StatusBadRequest, "InvalidPart", "A part was not found, is another, or is out of order."}
		}
		if len(kept) < smallest && index+1 < len(wanted.Part) {
			return &refusal{http.StatusBadRequest, "EntityTooSmall", "A part is smaller than 5 MiB."}
		}
		content = append(content, kept...)
	}
	generation, refused := s.store(found.bucket, found.object, "application/octet-stream", content)
	if refused != nil {
		return refused
	}
	delete(s.uploads, id)
	answer.Header().Set("x-goog-generation", generation)
	return tell(answer, struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket  string
		Key     string
		ETag    string
	}{Bucket: found.bucket, Key: found.object, ETag: etag(content)})
}

func (s *standIn) abort(answer http.ResponseWriter, request *http.Request) *refusal {
	s.lock.Lock()
	defer s.lock.Unlock()
	id, _, refused := s.underWay(request)
	if refused == nil {
		delete(s.uploads, id)
		answer.WriteHeader(http.StatusNoContent)
	}
	return refused
}
