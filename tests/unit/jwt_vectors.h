/*
 * jwt_vectors: a valid bearer token of tenant acme, and the keys of the tokens
 * in tests/records/jwt.txt.
 */
#ifndef TESTS_JWT_VECTORS_H
#define TESTS_JWT_VECTORS_H

#define VECTOR_KEY "0123456789abcdef0123456789abcdef"
#define VECTOR_OLD_KEY "fedcba9876543210fedcba9876543210"
#define VECTOR_TOKEN                                                           \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"         \
	"lIiwiZXhwIjoxNzk1MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQJ"         \
	"QqTB540hhn4"

#endif
