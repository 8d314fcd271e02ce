package email

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"runbook/runbook/practice/web"
)

// intent is the bank's answer.
type intent struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Live     bool   `json:"livemode"`
	Amount   int    `json:"amount"`
	Currency string `json:"currency"`
}

// pay asks the payment provider for an intent.
func (s *Service) pay(w http.ResponseWriter, r *http.Request, user string) {
	var order struct {
		Amount   int    `json:"amount"`
		Currency string `json:"currency"`
	}
	if !web.Read(w, r, &order) {
		return
	}
	if order.Amount < 1 || order.Amount > 1_000_000 || len(order.Currency) != 3 {
		web.Refuse(w, http.StatusBadRequest, []string{"amount must be 1 to 1000000, currency three letters"})
		return
	}
	got, err := s.order(r.Context(), user, order.Amount, strings.ToLower(order.Currency))
	if err != nil {
		s.Metrics.Count("payments_total", `result="failed"`)
		s.Log.Line("error", "payment", map[string]any{"error": err.Error()})
		web.Refuse(w, http.StatusBadGateway, "The payment provider did not answer")
		return
	}
	s.Metrics.Count("payments_total", `result="succeeded"`)
	web.Answer(w, http.StatusCreated, got)
}

func (s *Service) order(ctx context.Context, user string, amount int, currency string) (intent, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	form := url.Values{"amount": {strconv.Itoa(amount)}, "currency": {currency}, "confirm": {"true"}, "metadata[user]": {user}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.PaymentURL+"/v1/payment_intents", strings.NewReader(form.Encode()))
	if err != nil {
		return intent{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+s.cfg.PaymentKey)
	resp, err := (&http.Client{Transport: &http.Transport{DialContext: s.dial, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return intent{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var got intent
	if resp.StatusCode != http.StatusOK {
		return got, fmt.Errorf("it answered %s", resp.Status)
	}
	return got, json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<20)).Decode(&got)
}
