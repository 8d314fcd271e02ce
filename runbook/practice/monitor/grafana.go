package monitor

import "net/http"

// panel is a drawing of a dashboard, and the query it draws.
type panel struct{ title, query string }

type dashboard struct {
	title  string
	panels []panel
}

// dashboards are those of encrypted-email, by uid.
var dashboards = map[string]dashboard{
	"overview": {"Application overview", []panel{
		{"Requests", `sum(rate(http_requests_total{job="encrypted-email-backend"}[5m]))`}, {"Targets", `up`},
	}},
	"infrastructure": {"Infrastructure monitoring", []panel{
		{"Memory", `node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes`}, {"Disk", `node_filesystem_avail_bytes / node_filesystem_size_bytes`},
	}},
	"security": {"Security monitoring", []panel{
		{"Failed logins", `sum(rate(auth_login_total{result="failure"}[5m]))`}, {"Refused by the limit", `throttle_hits_total`},
	}},
	"business": {"Business metrics", []panel{
		{"Payments", `payments_total`}, {"Files", `files_stored_total`},
	}},
}

// Grafana serves its health, and the dashboards: of each panel it says how many
// series its query has now.
func (s *Store) Grafana() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, object{"database": "ok", "version": "12.2.1"})
	})
	mux.HandleFunc("GET /api/dashboards/uid/{uid}", func(w http.ResponseWriter, r *http.Request) {
		d, known := dashboards[r.PathValue("uid")]
		if !known {
			reply(w, http.StatusNotFound, object{"message": "Dashboard not found"})
			return
		}
		s.Scrape(r.Context())
		panels := []object{}
		for i, p := range d.panels {
			v, err := s.answer(p.query)
			if err != nil {
				continue
			}
			panels = append(panels, object{"id": i + 1, "title": p.title, "targets": []object{{"expr": p.query}}, "series": len(v.points)})
		}
		reply(w, http.StatusOK, object{
			"meta":      object{"slug": r.PathValue("uid"), "version": 1},
			"dashboard": object{"uid": r.PathValue("uid"), "title": d.title, "version": 1, "panels": panels},
		})
	})
	return mux
}
