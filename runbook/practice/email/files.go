package email

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/jackc/pgx/v5"

	"runbook/runbook/practice/web"
)

// maxFile is the largest upload, in bytes.
const maxFile = 10 << 20

// Seal encrypts a file for the database (AES-256-GCM, nonce in front).
func Seal(key, plain []byte) ([]byte, error) {
	gcm, err := box(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(plain)+gcm.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return gcm.Seal(nonce, nonce, plain, nil), nil
}

// Open decrypts what Seal made with the same key.
func Open(key, sealed []byte) ([]byte, error) {
	gcm, err := box(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, errors.New("open file: it is too short")
	}
	return gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
}

func box(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use ENCRYPTION_KEY: %w", err)
	}
	return cipher.NewGCM(block)
}

// upload takes the field "file" of a form, keeps it encrypted, and says what
// arrived.
func (s *Service) upload(w http.ResponseWriter, r *http.Request, user string) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFile+1<<16)
	f, header, err := r.FormFile("file")
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		web.Refuse(w, http.StatusRequestEntityTooLarge, "file is over 10 MiB")
		return
	}
	if err != nil {
		web.Refuse(w, http.StatusBadRequest, []string{"body must be a form with the field file"})
		return
	}
	defer f.Close() //nolint:errcheck // only read
	plain, err := io.ReadAll(f)
	if err != nil {
		web.Refuse(w, http.StatusBadRequest, []string{"file could not be read"})
		return
	}
	sealed, err := Seal(s.cfg.EncryptionKey, plain)
	if err != nil {
		s.Failed(w, "encrypt file", err)
		return
	}
	sum := sha256.Sum256(plain)
	digest := hex.EncodeToString(sum[:])
	var id string
	err = s.pool.QueryRow(r.Context(), `INSERT INTO mail.files (user_id, name, sha256, bytes, content) VALUES ($1, $2, $3, $4, $5) RETURNING id::text`,
		user, header.Filename, digest, len(plain), sealed).Scan(&id)
	if err != nil {
		s.Failed(w, "store file", err)
		return
	}
	s.Metrics.Count("files_stored_total", "")
	web.Answer(w, http.StatusCreated, map[string]any{"id": id, "sha256": digest, "bytes": len(plain)})
}

func (s *Service) download(w http.ResponseWriter, r *http.Request, user string) {
	var sealed []byte
	err := s.pool.QueryRow(r.Context(), `SELECT content FROM mail.files WHERE id::text = $1 AND user_id = $2`, r.PathValue("id"), user).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		web.Refuse(w, http.StatusNotFound, "No such file")
		return
	}
	if err != nil {
		s.Failed(w, "read file", err)
		return
	}
	plain, err := Open(s.cfg.EncryptionKey, sealed)
	if err != nil {
		s.Log.Line("error", "decrypt file", map[string]any{"error": err.Error()})
		web.Refuse(w, http.StatusInternalServerError, "Internal server error")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(plain)))
	_, _ = w.Write(plain) // #nosec G705 -- an attachment, with nosniff; a client that left is nobody's error
}

func (s *Service) removeFile(w http.ResponseWriter, r *http.Request, user string) {
	tag, err := s.pool.Exec(r.Context(), `DELETE FROM mail.files WHERE id::text = $1 AND user_id = $2`, r.PathValue("id"), user)
	switch {
	case err != nil:
		s.Failed(w, "remove file", err)
	case tag.RowsAffected() == 0:
		web.Refuse(w, http.StatusNotFound, "No such file")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
