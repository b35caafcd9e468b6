// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why an invalidation came about: the kernel stack of the callback, saved
 * there, symbolised and classified later and only once, in process context.
 *
 * The table of stacks is allocated when the module is loaded, and only ever
 * grows. Stacks are few, however many the events: what differs is the code path,
 * not the data. An entry's hash, frames and their number never change once its
 * id is in a bucket, so that a callback which meets a known stack takes no lock:
 *
 *   writer, under mmub_stacks_lock        reader
 *
 *   STORE stack                           LOAD bucket, acquire     (B)
 *   STORE bucket, release    (A)          LOAD stack
 *
 * A pairs with B.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jhash.h>
#include <linux/kallsyms.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stacktrace.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "internal.h"

/*
 * From the callback outwards. What decides is near the callback; of a deeper
 * stack the outermost frames are left out.
 */
#define MMUB_STACK_FRAMES	40

/* Longer than any name that the classifier knows. A multiple of a pointer. */
#define MMUB_SYMBOL_SIZE	64

#define MMUB_STACKS_LIMIT	BIT(20)

/**
 * struct mmub_stack_entry - one stack
 * @hash: of @frames
 * @nr: how many there are
 * @cause: enum mmub_cause, or -1 before somebody asked; whoever classifies it
 *	comes to the same
 * @frames: return addresses, the innermost first
 */
struct mmub_stack_entry {
	u32 hash;
	u32 nr;
	int cause;
	unsigned long frames[MMUB_STACK_FRAMES];
};

/* The stack with id I is mmub_stacks[I - 1]. NULL if causes are turned off. */
static struct mmub_stack_entry *mmub_stacks;

/* Ids by hash, with linear probing; 0 for none. At most half of them are used. */
static u32 *mmub_stack_buckets;
static u32 mmub_stack_bucket_mask;

/* Ids up to this one exist. Written under mmub_stacks_lock. */
static u32 mmub_nr_stacks;

/* For whoever adds a stack. A leaf. */
static DEFINE_SPINLOCK(mmub_stacks_lock);

/**
 * mmub_cause_init - allocate the table of stacks
 *
 * Return: 0 or -ENOMEM.
 */
int __init mmub_cause_init(void)
{
	u32 buckets;

	mmub_stacks_max = min_t(u32, mmub_stacks_max, MMUB_STACKS_LIMIT);
	if (!mmub_stacks_max)
		return 0;
	buckets = roundup_pow_of_two(2 * mmub_stacks_max);
	mmub_stack_buckets = vcalloc(buckets, sizeof(*mmub_stack_buckets));
	mmub_stacks = vcalloc(mmub_stacks_max, sizeof(*mmub_stacks));
	if (!mmub_stack_buckets || !mmub_stacks) {
		mmub_cause_exit();
		return -ENOMEM;
	}
	mmub_stack_bucket_mask = buckets - 1;
	return 0;
}

/**
 * mmub_cause_exit - free the table of stacks; no callback runs any more
 */
void mmub_cause_exit(void)
{
	vfree(mmub_stacks);
	vfree(mmub_stack_buckets);
}

/**
 * mmub_cause_enabled - whether stacks can be saved
 */
bool mmub_cause_enabled(void)
{
	return mmub_stacks;
}

static bool mmub_stack_is(const struct mmub_stack_entry *stack, u32 hash,
			  const unsigned long *frames, u32 nr)
{
	return stack->hash == hash && stack->nr == nr &&
	       !memcmp(stack->frames, frames, nr * sizeof(*frames));
}

/*
 * The id of a stack, 0 if it is not in the table; then *bucket is where it
 * belongs, or, on the way of another writer, was.
 */
static u32 mmub_stack_find(u32 hash, const unsigned long *frames, u32 nr,
			   u32 *bucket)
{
	u32 id;

	for (;; *bucket = (*bucket + 1) & mmub_stack_bucket_mask) {
		/* Barrier B. */
		id = smp_load_acquire(&mmub_stack_buckets[*bucket]);
		if (!id || mmub_stack_is(&mmub_stacks[id - 1], hash, frames, nr))
			return id;
	}
}

static u32 mmub_stack_add(u32 hash, const unsigned long *frames, u32 nr,
			  u32 bucket)
{
	struct mmub_stack_entry *stack;
	u32 id;

	/* Full for good: no lock that all CPUs would take at each event. */
	if (READ_ONCE(mmub_nr_stacks) == mmub_stacks_max)
		return 0;

	spin_lock(&mmub_stacks_lock);
	/* Another may have added one, this or a neighbour, in the meantime. */
	id = mmub_stack_find(hash, frames, nr, &bucket);
	if (id || mmub_nr_stacks == mmub_stacks_max)
		goto unlock;

	stack = &mmub_stacks[mmub_nr_stacks];
	stack->hash = hash;
	stack->nr = nr;
	stack->cause = -1;
	memcpy(stack->frames, frames, nr * sizeof(*frames));
	id = mmub_nr_stacks + 1;
	/* Pairs with the acquire in mmub_cause_stack(). */
	smp_store_release(&mmub_nr_stacks, id);
	/* Barrier A. */
	smp_store_release(&mmub_stack_buckets[bucket], id);
unlock:
	spin_unlock(&mmub_stacks_lock);
	return id;
}

/**
 * mmub_cause_save - save the stack of the running callback
 *
 * In whatever context a notifier callback comes; allocates nothing.
 *
 * Return: its id, 0 if the table is full.
 */
u32 mmub_cause_save(void)
{
	unsigned long frames[MMUB_STACK_FRAMES];
	u32 hash, bucket, id, nr;

	nr = stack_trace_save(frames, ARRAY_SIZE(frames), 1);
	hash = jhash(frames, nr * sizeof(*frames), 0);
	bucket = hash & mmub_stack_bucket_mask;
	id = mmub_stack_find(hash, frames, nr, &bucket);
	if (!id)
		id = mmub_stack_add(hash, frames, nr, bucket);
	if (!id)
		pr_warn_once("more than %u different stacks: causes will be unknown; see the parameter stacks_max\n",
			     mmub_stacks_max);
	return id;
}

static int mmub_stack_classify(struct mmub_stack_entry *stack)
{
	char (*text)[MMUB_SYMBOL_SIZE];
	const char **symbols;
	u32 i;

	text = kvmalloc_array(stack->nr, sizeof(*text) + sizeof(*symbols),
			      GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	symbols = (const char **)(text + stack->nr);
	for (i = 0; i < stack->nr; i++) {
		/* The call before a return address may be its function's last. */
		snprintf(text[i], sizeof(text[i]), "%ps",
			 (void *)(stack->frames[i] - 1));
		symbols[i] = text[i];
	}
	WRITE_ONCE(stack->cause, mmub_classify(symbols, stack->nr));
	kvfree(text);
	return 0;
}

/* The frames as text; prints as snprintf() does, and returns the length. */
static size_t mmub_stack_print(const struct mmub_stack_entry *stack, char *text,
			       size_t size)
{
	char symbol[KSYM_SYMBOL_LEN];
	size_t length = 0;
	u32 i;

	for (i = 0; i < stack->nr; i++) {
		snprintf(symbol, sizeof(symbol), "%pB", (void *)stack->frames[i]);
		length += snprintf(text + min(length, size),
				   size - min(length, size), "%s\n",
				   strncmp(symbol, "0x", 2) ? symbol : "?");
	}
	return length;
}

static int mmub_stack_text(const struct mmub_stack_entry *stack,
			   struct mmub_stack *arg)
{
	size_t size = mmub_stack_print(stack, NULL, 0) + 1;
	size_t copied = min_t(size_t, size, arg->text_size);
	int ret = 0;
	char *text;

	/* Zeroed: a module that goes meanwhile makes the text shorter. */
	text = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!text)
		return -ENOMEM;
	mmub_stack_print(stack, text, size);
	text[copied - 1] = '\0';
	if (copy_to_user(u64_to_user_ptr(arg->text), text, copied))
		ret = -EFAULT;
	kvfree(text);
	arg->text_size = size;
	return ret;
}

/**
 * mmub_cause_stack - STACK
 * @arg: see &struct mmub_stack
 * @may_see_frames: whether the opener may
 *
 * Return: 0 or an error.
 */
int mmub_cause_stack(struct mmub_stack *arg, bool may_see_frames)
{
	struct mmub_stack_entry *stack;
	int ret;

	if (arg->flags || !arg->text != !arg->text_size)
		return -EINVAL;
	if (arg->text && !may_see_frames)
		return -EPERM;
	/* Pairs with the release in mmub_stack_add(). */
	if (!arg->stack_id || arg->stack_id > smp_load_acquire(&mmub_nr_stacks))
		return -ENOENT;
	stack = &mmub_stacks[array_index_nospec(arg->stack_id - 1,
						mmub_stacks_max)];

	if (READ_ONCE(stack->cause) < 0) {
		ret = mmub_stack_classify(stack);
		if (ret)
			return ret;
	}
	arg->cause = READ_ONCE(stack->cause);
	return arg->text ? mmub_stack_text(stack, arg) : 0;
}
