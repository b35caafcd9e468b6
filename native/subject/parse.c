// SPDX-License-Identifier: Apache-2.0
/* Arguments of commands, and complaints about them. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "subject.h"

static void fail_begin(struct call *call, int error)
{
	const char *name = strerrorname_np(error);

	call->out->length = call->mark;
	out_text(call->out, ",\"ok\":false");
	field_text(call->out, "errno", name ? name : "?");
	out_text(call->out, ",\"error\":");
}

int fail(struct call *call, int error, ...)
{
	char text[WORD_SIZE * 2];
	struct out message = { .text = text, .size = sizeof(text) };
	const char *part;
	va_list parts;

	va_start(parts, error);
	while ((part = va_arg(parts, const char *)))
		out_text(&message, part);
	va_end(parts);
	fail_begin(call, error);
	out_json(call->out, text, message.length);
	return -error;
}

int fail_call(struct call *call, const char *name, long ret)
{
	const char *text = strerrordesc_np(-ret);

	return fail(call, -ret, name, ": ", text ? text : "unknown error", NULL);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

bool next_word(struct call *call, char word[WORD_SIZE])
{
	const char *at = call->rest;
	size_t length = 0;

	while (is_space(*at))
		at++;
	while (*at && !is_space(*at)) {
		if (length < WORD_SIZE - 1)
			word[length++] = *at;
		at++;
	}
	word[length] = '\0';
	call->rest = at;
	return length > 0;
}

bool skip_word(struct call *call, const char *word)
{
	const char *rest = call->rest;
	char next[WORD_SIZE];

	if (next_word(call, next) && !strcmp(next, word))
		return true;
	call->rest = rest;
	return false;
}

int parse_end(struct call *call)
{
	char word[WORD_SIZE];

	if (!next_word(call, word))
		return 0;
	return fail(call, EINVAL, "'", word,
		    "' is more than this command takes, see help", NULL);
}

/* A number in decimal, or in hex after 0x; false if @word is none. */
static bool to_number(const char *word, unsigned long *value)
{
	unsigned int base = 10, digit;

	*value = 0;
	if (word[0] == '0' && word[1] == 'x') {
		base = 16;
		word += 2;
	}
	if (!*word)
		return false;
	for (; *word; word++) {
		if (*word >= '0' && *word <= '9')
			digit = *word - '0';
		else if (*word >= 'a' && *word <= 'f')
			digit = *word - 'a' + 10;
		else
			return false;
		if (digit >= base || __builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit, value))
			return false;
	}
	return true;
}

static void number_text(long value, char text[24])
{
	struct out out = { .text = text, .size = 24 };

	out_number(&out, value);
}

int parse_number(struct call *call, const char *what, long min, long max,
		 long *value)
{
	char word[WORD_SIZE], low[24], high[24];
	unsigned long number;
	bool given;

	given = next_word(call, word);
	if (given && to_number(word, &number) && number <= (unsigned long)max &&
	    (long)number >= min) {
		*value = number;
		return 0;
	}
	number_text(min, low);
	number_text(max, high);
	if (!given)
		return fail(call, EINVAL, what, " is missing: a number from ",
			    low, " to ", high, NULL);
	return fail(call, EINVAL, what, " must be a number from ", low, " to ",
		    high, ", not '", word, "'", NULL);
}

static bool is_name(const char *word)
{
	size_t i;

	for (i = 0; word[i]; i++) {
		char c = word[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
			continue;
		if (!i || c < '0' || c > '9')
			return false;
	}
	return i > 0 && i < NAME_SIZE;
}

int parse_name(struct call *call, const char *what, char name[NAME_SIZE])
{
	char word[WORD_SIZE];

	if (!next_word(call, word))
		return fail(call, EINVAL, what, " is missing", NULL);
	if (!is_name(word))
		return fail(call, EINVAL, what,
			    " must be 1 to 15 letters, digits or _, no digit first, not '",
			    word, "'", NULL);
	memcpy(name, word, strlen(word) + 1);
	return 0;
}

struct region *find_region(struct room *room, const char *name)
{
	int i;

	for (i = 0; i < MAX_REGIONS; i++)
		if (!strcmp(room->regions[i].name, name))
			return &room->regions[i];
	return NULL;
}

int parse_region(struct call *call, struct region **region)
{
	char name[NAME_SIZE];
	int ret;

	ret = parse_name(call, "NAME", name);
	if (ret)
		return ret;
	*region = find_region(call->room, name);
	if (!*region)
		return fail(call, EINVAL, "no region is named '", name, "'",
			    NULL);
	return 0;
}

/* 0xADDRESS, NAME or NAME+PAGE, of which NAME need not be mapped any more. */
int parse_address(struct call *call, unsigned long *address)
{
	char word[WORD_SIZE], given[WORD_SIZE];
	struct region *region;
	unsigned long page = 0;
	char *plus;

	if (!next_word(call, word))
		return fail(call, EINVAL, "ADDRESS is missing", NULL);
	memcpy(given, word, sizeof(given));
	if (to_number(word, address)) {
		if (*address % PAGE_SIZE)
			return fail(call, EINVAL, "ADDRESS must be a multiple of 4096, not '",
				    given, "'", NULL);
		return 0;
	}
	plus = strchr(word, '+');
	if (plus)
		*plus++ = '\0';
	region = is_name(word) ? find_region(call->room, word) : NULL;
	if (!region || (plus && (!to_number(plus, &page) || page > MAX_PAGES)))
		return fail(call, EINVAL,
			    "ADDRESS must be a number, the name of a region, or NAME+PAGE, not '",
			    given, "'", NULL);
	*address = region->start + page * PAGE_SIZE;
	return 0;
}

int parse_prot(struct call *call, int *prot)
{
	char word[WORD_SIZE];
	const char *at;

	if (!next_word(call, word))
		return fail(call, EINVAL, "PROT is missing: none, or some of rwx",
			    NULL);
	*prot = PROT_NONE;
	if (!strcmp(word, "none"))
		return 0;
	for (at = word; *at; at++) {
		if (*at == 'r')
			*prot |= PROT_READ;
		else if (*at == 'w')
			*prot |= PROT_WRITE;
		else if (*at == 'x')
			*prot |= PROT_EXEC;
		else
			return fail(call, EINVAL, "PROT must be none, or some of rwx, not '",
				    word, "'", NULL);
	}
	return 0;
}

int parse_pages(struct call *call, struct span *span)
{
	unsigned long pages = span->region->pages;
	const char *rest = call->rest;
	long from = 0, count = pages;
	char word[WORD_SIZE];
	bool given;
	int ret;

	given = next_word(call, word) && word[0] >= '0' && word[0] <= '9';
	call->rest = rest;
	if (given) {
		ret = parse_number(call, "FROM", 0, pages - 1, &from);
		if (ret)
			return ret;
		ret = parse_number(call, "COUNT", 1, pages - from, &count);
		if (ret)
			return ret;
	}
	span->start = span->region->start + from * PAGE_SIZE;
	span->size = count * PAGE_SIZE;
	return 0;
}

int parse_span(struct call *call, struct span *span)
{
	int ret = parse_region(call, &span->region);

	return ret ? ret : parse_pages(call, span);
}

int parse_of(struct call *call, long *pid)
{
	*pid = 0;
	if (!skip_word(call, "of"))
		return 0;
	return parse_number(call, "PID", 1, INT32_MAX, pid);
}
