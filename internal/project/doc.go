// Package project holds the tests that look at the whole repository instead of
// one package of it.
package project
