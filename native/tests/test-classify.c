// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's classifier, over stacks that were recorded while what is said of
 * them was being done: stacks/VERSION, a line each, of the cause, a tab, and the
 * functions from the innermost outwards. record-stacks makes them.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "mmubridge.h"

enum mmub_cause mmub_classify(const char *const *symbols, unsigned int nr);

#include "../../kmod/classify.c"

#define SYMBOL_SIZE	64	/* kmod/cause.c */

/* Cut @line into words, and classify them. */
static enum mmub_cause classify(char *line)
{
	const char *symbols[64];
	unsigned int nr = 0;
	char *word;

	while ((word = strsep(&line, " \n")))
		if (*word && nr < ARRAY_SIZE(symbols))
			symbols[nr++] = word;
	return mmub_classify(symbols, nr);
}

#define CLASSIFY(stack)							\
	({								\
		char line_[] = stack;					\
									\
		mmub_cause_name(classify(line_));			\
	})

static void recorded(const char *version)
{
	char path[4096], line[4096], copy[4096], *cause, *stack;
	unsigned int stacks = 0;
	ssize_t length;
	FILE *file;

	length = ASSERT_OK(readlink("/proc/self/exe", path, 4000));
	path[length] = '\0';
	dirname(path);
	strcat(path, "/stacks/");
	strcat(path, version);
	file = fopen(path, "re");
	if (!file)
		FAIL("%s: %m", path);
	while (fgets(line, sizeof(line), file)) {
		stack = line;
		cause = strsep(&stack, "\t");
		ASSERT_TRUE(stack);
		strcpy(copy, stack);
		if (strcmp(mmub_cause_name(classify(stack)), cause))
			FAIL("%s: a stack of %s, not %s: %s", version, cause,
			     mmub_cause_name(classify(copy)), copy);
		stacks++;
	}
	ASSERT_GT(stacks, 30);
	test_note("%s: %u stacks", version, stacks);
	fclose(file);
}

TEST(linux_6_1)
{
	recorded("6.1");
}

TEST(linux_6_12)
{
	recorded("6.12");
}

TEST(linux_7_3)
{
	recorded("7.3");
}

/* What compilers append to a function's name, and what follows it in text. */
TEST(suffixes)
{
	ASSERT_STREQ(CLASSIFY("change_protection do_mprotect_pkey"), "mprotect");
	ASSERT_STREQ(CLASSIFY("x do_mprotect_pkey.isra.0"), "mprotect");
	ASSERT_STREQ(CLASSIFY("x do_mprotect_pkey.constprop.0"), "mprotect");
	ASSERT_STREQ(CLASSIFY("x do_mprotect_pkey.part.0.cold"), "mprotect");
	ASSERT_STREQ(CLASSIFY("x do_mprotect_pkey+0x12/0x340"), "mprotect");
	ASSERT_STREQ(CLASSIFY("x do_mprotect_pkeys"), "unknown");
	ASSERT_STREQ(CLASSIFY("x do_mprotect"), "unknown");
	ASSERT_STREQ(CLASSIFY("x xdo_mprotect_pkey"), "unknown");
	ASSERT_STREQ(CLASSIFY("zap_page_range_single.part.0 do_madvise.cold"),
		     "madv_dontneed");
}

/* One thing inside of another: the inner decides. */
TEST(nested)
{
	ASSERT_STREQ(CLASSIFY("wp_page_copy handle_mm_fault exc_page_fault "
			      "clear_refs_write vfs_write"), "cow");
	ASSERT_STREQ(CLASSIFY("try_to_unmap do_try_to_free_pages "
			      "wp_page_copy handle_mm_fault"), "reclaim_direct");
	ASSERT_STREQ(CLASSIFY("try_to_migrate migrate_pages compact_zone "
			      "try_to_compact_pages alloc_pages mmap_region"),
		     "compaction");
	ASSERT_STREQ(CLASSIFY("__split_huge_pmd change_protection "
			      "do_mprotect_pkey"), "thp_split");
}

/* A caller tells apart what one function does for several. */
TEST(callers)
{
	ASSERT_STREQ(CLASSIFY("wp_page_copy handle_mm_fault break_ksm"),
		     "ksm_unmerge");
	ASSERT_STREQ(CLASSIFY("exit_mmap __mmput begin_new_exec"), "exec");
	ASSERT_STREQ(CLASSIFY("exit_mmap __mmput do_exit"), "exit");
	ASSERT_STREQ(CLASSIFY("exit_mmap __mmput mmput_async_fn kthread"),
		     "last_reference");
	ASSERT_STREQ(CLASSIFY("exit_mmap mmput vhost_dev_release __fput "
			      "task_work_run do_exit"), "last_reference");
	ASSERT_STREQ(CLASSIFY("try_to_migrate migrate_pages shrink_folio_list "
			      "balance_pgdat kswapd"), "demotion");
	ASSERT_STREQ(CLASSIFY("shmem_fallocate vfs_fallocate do_madvise"),
		     "madv_remove");
	ASSERT_STREQ(CLASSIFY("shmem_fallocate vfs_fallocate ksys_fallocate"),
		     "hole_punch");
	ASSERT_STREQ(CLASSIFY("try_to_unmap reclaim_pages damon_pa_pageout"),
		     "unknown");
}

/* Never guessed. */
TEST(unknown)
{
	ASSERT_EQ(mmub_classify(NULL, 0), MMUB_CAUSE_UNKNOWN);
	ASSERT_STREQ(CLASSIFY("do_madvise"), "unknown");
	ASSERT_STREQ(CLASSIFY("zap_page_range_single binder_alloc_free_page"),
		     "unknown");
	ASSERT_STREQ(CLASSIFY("something_new do_madvise __x64_sys_madvise"),
		     "unknown");
	ASSERT_STREQ(CLASSIFY("try_to_migrate migrate_pages something_new"),
		     "unknown");
	/* A fault is never what it came in the midst of. */
	ASSERT_STREQ(CLASSIFY("something_new handle_mm_fault exc_page_fault "
			      "clear_refs_write"), "unknown");
	ASSERT_STREQ(CLASSIFY("folio_mkclean pagecache_isize_extended "
			      "ext4_setattr do_truncate"), "unknown");
}

/* Rules that could never fit: a name too long, or one behind its like. */
TEST(rules)
{
	const struct mmub_rule *rule, *before;

	for (rule = mmub_rules; rule < mmub_rules + ARRAY_SIZE(mmub_rules);
	     rule++) {
		ASSERT_TRUE(strlen(rule->function) < SYMBOL_SIZE);
		ASSERT_TRUE(!rule->caller || strlen(rule->caller) < SYMBOL_SIZE);
		ASSERT_TRUE(mmub_cause_name(rule->cause));
		for (before = mmub_rules; before < rule; before++)
			if (!strcmp(before->function, rule->function) &&
			    (!before->caller ||
			     (rule->caller &&
			      !strcmp(before->caller, rule->caller))))
				FAIL("a rule of %s hides another",
				     rule->function);
	}
}

TEST_MAIN()
