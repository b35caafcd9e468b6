// SPDX-License-Identifier: Apache-2.0
/* Replies: JSON into a fixed buffer. */
#include <string.h>

#include "subject.h"

void out_char(struct out *out, char c)
{
	if (out->length + 1 >= out->size)
		return;
	out->text[out->length++] = c;
	out->text[out->length] = '\0';
}

void out_text(struct out *out, const char *text)
{
	while (*text)
		out_char(out, *text++);
}

/* A JSON string; bytes outside printable ASCII as \u00XX. */
void out_json(struct out *out, const char *text, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char c;
	size_t i;

	out_char(out, '"');
	for (i = 0; i < length; i++) {
		c = text[i];
		if (c == '"' || c == '\\') {
			out_char(out, '\\');
			out_char(out, c);
		} else if (c >= ' ' && c <= '~') {
			out_char(out, c);
		} else {
			out_text(out, "\\u00");
			out_char(out, digits[c >> 4]);
			out_char(out, digits[c & 15]);
		}
	}
	out_char(out, '"');
}

static void out_base(struct out *out, unsigned long value, unsigned int base)
{
	char digits[24];
	int at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (at < (int)sizeof(digits))
		out_char(out, digits[at++]);
}

void out_number(struct out *out, long value)
{
	if (value < 0)
		out_char(out, '-');
	out_base(out, value < 0 ? -(unsigned long)value : (unsigned long)value,
		 10);
}

void out_hex(struct out *out, unsigned long value)
{
	out_text(out, "0x");
	out_base(out, value, 16);
}

static void field(struct out *out, const char *key)
{
	out_text(out, ",\"");
	out_text(out, key);
	out_text(out, "\":");
}

void field_text(struct out *out, const char *key, const char *value)
{
	field(out, key);
	out_json(out, value, strlen(value));
}

void field_number(struct out *out, const char *key, long value)
{
	field(out, key);
	out_number(out, value);
}

void field_hex(struct out *out, const char *key, unsigned long value)
{
	field(out, key);
	out_char(out, '"');
	out_hex(out, value);
	out_char(out, '"');
}
