// Package tell holds the kinds of tell: somebody is told. The message is shown
// before it counts as sent.
package tell

// Message is tell.message: text to copy into whatever channel the target's
// people use.
//
//	tell.message = { to = "#deploys", text = "users-module ${image_tag} goes out" }
type Message struct {
	To   string `mapstructure:"to"`   // whom, such as a channel
	Text string `mapstructure:"text"` // what
}
