package neighbours

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// bank is a payment provider. Its key says whether it is in test mode.
type bank struct {
	live    bool
	mu      sync.Mutex
	intents map[string]map[string]any
}

// Bank serves GET /v1/balance and the payment intents of whoever has the key.
func Bank(key string) http.Handler {
	b := &bank{live: strings.HasPrefix(key, "sk_live_"), intents: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/balance", b.balance)
	mux.HandleFunc("POST /v1/payment_intents", b.create)
	mux.HandleFunc("GET /v1/payment_intents/{id}", b.show)
	return Knows(key, mux)
}

// balance is the sum of what was paid, by currency.
func (b *bank) balance(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sums := map[string]int{}
	for _, i := range b.intents {
		sums[i["currency"].(string)] += i["amount"].(int) //nolint:errcheck // create put them there
	}
	available := []map[string]any{}
	for currency, amount := range sums {
		available = append(available, map[string]any{"amount": amount, "currency": currency})
	}
	answer(w, http.StatusOK, map[string]any{"object": "balance", "livemode": b.live, "available": available})
}

func (b *bank) create(w http.ResponseWriter, r *http.Request) {
	amount, err := strconv.Atoi(r.FormValue("amount"))
	currency := r.FormValue("currency")
	if err != nil || amount < 1 || len(currency) != 3 {
		answer(w, http.StatusBadRequest, map[string]any{"error": map[string]string{"type": "invalid_request_error"}})
		return
	}
	status := "requires_confirmation"
	if r.FormValue("confirm") == "true" {
		status = "succeeded"
	}
	made := map[string]any{
		"id": "pi_" + rand.Text(), "object": "payment_intent", "amount": amount, "currency": currency, "livemode": b.live, "status": status,
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.intents[made["id"].(string)] = made //nolint:errcheck // made just now
	answer(w, http.StatusOK, made)
}

func (b *bank) show(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, known := b.intents[r.PathValue("id")]; known {
		answer(w, http.StatusOK, i)
		return
	}
	answer(w, http.StatusNotFound, map[string]any{"error": map[string]string{"type": "invalid_request_error"}})
}
