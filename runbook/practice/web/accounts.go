package web

import (
	"net/mail"
	"strings"
	"unicode"
)

// CheckPassword says what a password lacks, one line each; none if it is good.
func CheckPassword(password string) []string {
	var upper, lower, digit, special bool
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		case unicode.IsDigit(r):
			digit = true
		default:
			special = true
		}
	}
	var lacks []string
	if len([]rune(password)) < 8 {
		lacks = append(lacks, "password must be longer than or equal to 8 characters")
	}
	if len(password) > 72 {
		lacks = append(lacks, "password must be shorter than or equal to 72 bytes")
	}
	if !upper || !lower || !digit || !special {
		lacks = append(lacks, "password must contain an upper case letter, a lower case letter, a digit and a special character")
	}
	return lacks
}

// CheckEmail says whether an address is one, bare and with a domain.
func CheckEmail(email string) bool {
	a, err := mail.ParseAddress(email)
	return err == nil && a.Address == email && strings.Contains(email[strings.LastIndex(email, "@"):], ".")
}
