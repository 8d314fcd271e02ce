package practice

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
)

// Target is the target file "practice": every var and secret the embedded
// books require, and the id of this world, which no other file may carry.
func (w *World) Target() []byte {
	st := w.info.Load()
	_, port, _ := net.SplitHostPort(st.Service) // written by us
	base := "http://" + st.Service
	var b bytes.Buffer
	put := func(key, value string) { _, _ = fmt.Fprintf(&b, "%s = %q\n", key, value) }
	put("name", "practice")
	put("practice", st.ID)
	put("dir", filepath.Join(w.dir, "app"))
	put("path", filepath.Join(w.dir, "bin"))
	put("home", filepath.Join(w.dir, "home"))
	put("user", "practice")
	put("lang", "C.UTF-8")
	put("tz", "UTC")
	b.WriteString("\n[vars]\n")
	put("base_url", base)
	put("metrics_url", base+"/metrics")
	put("image_name", imageName)
	put("image_tag", newRelease)
	put("service_port", port)
	put("db_schema", "users")
	put("db_role", "tickr_app")
	put("environment", environment)
	put("migrations", "src/migrations/*.ts")
	put("env_file", ".env.production")
	put("data_source", "src/data-source.ts")
	b.WriteString("\n[service]\n")
	put("env_from", "file:"+filepath.Join(w.dir, "app", ".env.production"))
	b.WriteString("\n[secret.database_url]\n")
	put("file", w.secretFile("database_url"))
	return b.Bytes()
}

func (w *World) secretFile(name string) string { return filepath.Join(w.dir, "secrets", name) }
