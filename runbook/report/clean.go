package report

import (
	"reflect"
	"time"

	"runbook/steps/safetext"
)

// clean makes every text of an account one line of safe text, so that no field
// that is added later can be forgotten.
func clean(a *Account) { cleanAll(reflect.ValueOf(a).Elem()) }

func cleanAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() { // what can't be, was made by us, safe
			v.SetString(safetext.Line(v.String()))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			cleanAll(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			cleanAll(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			cleanAll(v.Elem())
		}
	default:
	}
}
