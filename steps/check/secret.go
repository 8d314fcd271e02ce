package check

import (
	"context"
	"errors"
	"fmt"

	"runbook/steps"
)

// secretVar is the value of a secret var of the book, empty if none is named.
func secretVar(ctx context.Context, w *steps.World, name string) (steps.Secret, error) {
	if name == "" {
		return steps.Secret{}, nil
	}
	if w.Secret == nil {
		return steps.Secret{}, fmt.Errorf("%s: %w", name, steps.ErrSecret)
	}
	value, err := w.Secret(ctx, name)
	if err != nil {
		return steps.Secret{}, errors.New(outside(err.Error()))
	}
	return value, nil
}
