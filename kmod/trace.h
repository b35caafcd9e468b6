/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mmubridge

#if !defined(MMUB_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MMUB_TRACE_H

#include <linux/tracepoint.h>

#include "internal.h"

/* id 0: never bound, since mmu_notifier_get_locked() could not register it. */
TRACE_EVENT(mmubridge_free,
	TP_PROTO(const struct mmub_space *space),
	TP_ARGS(space),
	TP_STRUCT__entry(
		__field(u64, id)
	),
	TP_fast_assign(
		__entry->id = space->id;
	),
	TP_printk("id=%llu", __entry->id)
);

/* shared=0: this get allocated the space. */
TRACE_EVENT(mmubridge_get,
	TP_PROTO(const struct mmub_space *space, u32 users, u32 shared),
	TP_ARGS(space, users, shared),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, users)
		__field(u32, shared)
	),
	TP_fast_assign(
		__entry->id = space->id;
		__entry->users = users;
		__entry->shared = shared;
	),
	TP_printk("id=%llu users=%u shared=%u", __entry->id, __entry->users,
		  __entry->shared)
);

TRACE_EVENT(mmubridge_put,
	TP_PROTO(const struct mmub_space *space, u32 users),
	TP_ARGS(space, users),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, users)
	),
	TP_fast_assign(
		__entry->id = space->id;
		__entry->users = users;
	),
	TP_printk("id=%llu users=%u", __entry->id, __entry->users)
);

TRACE_EVENT(mmubridge_invalidate_start,
	TP_PROTO(const struct mmub_space *space, const struct mmub_record *rec),
	TP_ARGS(space, rec),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, seq)
		__field(u64, start)
		__field(u64, end)
		__field(u32, type)
		__field(u32, flags)
	),
	TP_fast_assign(
		__entry->id = space->id;
		__entry->seq = rec->seq;
		__entry->start = rec->start;
		__entry->end = rec->end;
		__entry->type = rec->type;
		__entry->flags = rec->flags;
	),
	TP_printk("id=%llu seq=%llu start=%llx end=%llx type=%u blockable=%u",
		  __entry->id, __entry->seq, __entry->start, __entry->end,
		  __entry->type, !!(__entry->flags & MMUB_RECORD_BLOCKABLE))
);

TRACE_EVENT(mmubridge_invalidate_end,
	TP_PROTO(const struct mmub_space *space, u64 start, u64 end),
	TP_ARGS(space, start, end),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, start)
		__field(u64, end)
	),
	TP_fast_assign(
		__entry->id = space->id;
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("id=%llu start=%llx end=%llx", __entry->id, __entry->start,
		  __entry->end)
);

TRACE_EVENT(mmubridge_release,
	TP_PROTO(const struct mmub_space *space, u64 seq),
	TP_ARGS(space, seq),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, seq)
	),
	TP_fast_assign(
		__entry->id = space->id;
		__entry->seq = seq;
	),
	TP_printk("id=%llu seq=%llu", __entry->id, __entry->seq)
);

/* The first of a run of losses; the LOST record tells of the whole run. */
TRACE_EVENT(mmubridge_lost,
	TP_PROTO(const struct mmub_record *rec),
	TP_ARGS(rec),
	TP_STRUCT__entry(
		__field(u64, seq)
		__field(u64, n)
	),
	TP_fast_assign(
		__entry->seq = rec->seq;
		__entry->n = rec->n;
	),
	TP_printk("seq=%llu n=%llu", __entry->seq, __entry->n)
);

#endif /* MMUB_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
