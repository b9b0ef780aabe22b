package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// host is what clients sign for, wherever their requests go.
const host = "storage.googleapis.com"

// account is a service account.
type account struct {
	email string
	key   *rsa.PrivateKey
}

// newAccount makes a service account and writes its key file, as Google's console gives it, into the folder.
func newAccount(folder, name string) (*account, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	made := &account{email: name + "@tests.iam.gserviceaccount.com", key: key}
	text, err := json.Marshal(map[string]string{
		"type":           "service_account",
		"project_id":     "tests",
		"private_key_id": name,
		"private_key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
		"client_email":   made.email,
		"client_id":      "1",
	})
	if err != nil {
		return nil, err
	}
	return made, os.WriteFile(filepath.Join(folder, name+".json"), text, 0o600)
}

func (a *account) signed(text string, signature []byte) bool {
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(&a.key.PublicKey, crypto.SHA256, sum[:], signature) == nil
}

// admits refuses what this account has not signed: a token in the header, or the URL.
func (a *account) admits(request *http.Request) *refusal {
	if request.URL.Query().Has("X-Goog-Signature") {
		if !a.signedURL(request) {
			return &refusal{http.StatusForbidden, "SignatureDoesNotMatch", "Access denied."}
		}
		return nil
	}
	token, ok := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	if !ok || !a.token(token) {
		return &refusal{http.StatusUnauthorized, "AuthenticationRequired", "Authentication required."}
	}
	return nil
}

// token looks at a token that its bearer signed: RFC 7519, and the claims of Google's AIP 4111.
func (a *account) token(token string) bool {
	signed, tail, ok := cutLast(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(tail)
	if !ok || err != nil || !a.signed(signed, signature) {
		return false
	}
	_, middle, _ := strings.Cut(signed, ".")
	text, err := base64.RawURLEncoding.DecodeString(middle)
	if err != nil {
		return false
	}
	var claims struct {
		Iss, Sub, Scope string
		Iat, Exp        int64
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return false
	}
	now := time.Now().Unix()
	return claims.Iss == a.email && claims.Sub == a.email && claims.Exp > now && claims.Exp-claims.Iat <= 3600 &&
		strings.HasSuffix(claims.Scope, "/auth/cloud-platform")
}

// signedURL looks at a version 4 signature over method, path and query.
func (a *account) signedURL(request *http.Request) bool {
	query := request.URL.Query()
	signature, err := hex.DecodeString(query.Get("X-Goog-Signature"))
	if err != nil {
		return false
	}
	date := query.Get("X-Goog-Date")
	made, err := time.Parse("20060102T150405Z", date)
	if err != nil {
		return false
	}
	seconds, err := strconv.Atoi(query.Get("X-Goog-Expires"))
	if err != nil || time.Since(made) > time.Duration(seconds)*time.Second {
		return false
	}
	email, scope, _ := strings.Cut(query.Get("X-Goog-Credential"), "/")
	query.Del("X-Goog-Signature")
	canonical := strings.Join([]string{
		request.Method,
		request.URL.EscapedPath(),
		strings.ReplaceAll(query.Encode(), "+", "%20"),
		"host:" + host,
		"",
		"host",
		"UNSIGNED-PAYLOAD",
	}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{"GOOG4-RSA-SHA256", date, scope, hex.EncodeToString(sum[:])}, "\n")
	return email == a.email && a.signed(text, signature)
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}
