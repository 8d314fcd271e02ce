package book

import "testing"

func TestRelease(t *testing.T) {
	t.Parallel()
	given := map[string]string{"image_tag": "1.8.2", "release": "9", "version": "3", "tag": ""}
	for want, declared := range map[string]map[string]Var{
		"":          {"platform": {}, "tag": {}},
		"image_tag": {"version": {}, "release": {}, "image_tag": {}},
		"release":   {"version": {}, "release": {}, "tag": {}},
		"version":   {"version": {}, "release": {Secret: true}},
	} {
		b := &Book{Vars: declared}
		if got := b.Release(given); got != want {
			t.Errorf("of %v it is %q, want %q", declared, got, want)
		}
	}
}
