/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version 1 of the interface in numbers. They never change. Compiled into a
 * 64-bit and a 32-bit test, so that the two agree.
 */
#include <assert.h>
#include <stddef.h>

#include "mmubridge_uapi.h"

#define SIZE(type, size) \
	static_assert(sizeof(struct type) == (size), #type)
#define FIELD(type, field, offset) \
	static_assert(offsetof(struct type, field) == (offset), #type "." #field)
#define COMMAND(name, number) \
	static_assert(MMUB_IOC_##name == (number), #name)

SIZE(mmub_info, 96);
FIELD(mmub_info, abi_version, 0);
FIELD(mmub_info, flags, 4);
FIELD(mmub_info, features, 8);
FIELD(mmub_info, foreign_reason, 16);
FIELD(mmub_info, record_size, 20);
FIELD(mmub_info, page_size, 24);
FIELD(mmub_info, subsystems, 28);
FIELD(mmub_info, subsystems_per_uid, 32);
FIELD(mmub_info, subscriptions_per_space, 36);
FIELD(mmub_info, subscriptions_per_uid, 40);
FIELD(mmub_info, ring_records_min, 44);
FIELD(mmub_info, ring_records_max, 48);
FIELD(mmub_info, filter_ranges, 52);
FIELD(mmub_info, guards_per_subscription, 56);
FIELD(mmub_info, shadow_pages_per_subscription, 60);
FIELD(mmub_info, module_version, 64);
FIELD(mmub_info, shadows_per_subscription, 92);

SIZE(mmub_attach, 56);
FIELD(mmub_attach, flags, 0);
FIELD(mmub_attach, mem_fd, 4);
FIELD(mmub_attach, subsystem, 8);
FIELD(mmub_attach, space_id, 40);
FIELD(mmub_attach, users, 48);
FIELD(mmub_attach, shared, 52);

SIZE(mmub_detach, 8);
FIELD(mmub_detach, flags, 0);
FIELD(mmub_detach, reserved, 4);

SIZE(mmub_ring_setup, 32);
FIELD(mmub_ring_setup, flags, 0);
FIELD(mmub_ring_setup, records, 4);
FIELD(mmub_ring_setup, wakeup_events, 8);
FIELD(mmub_ring_setup, reserved, 12);
FIELD(mmub_ring_setup, ring_size, 16);
FIELD(mmub_ring_setup, consumer_size, 24);

SIZE(mmub_record, 128);
FIELD(mmub_record, seq, 0);
FIELD(mmub_record, n, 8);
FIELD(mmub_record, start, 16);
FIELD(mmub_record, end, 24);
FIELD(mmub_record, time_ns, 32);
FIELD(mmub_record, phase, 40);
FIELD(mmub_record, type, 44);
FIELD(mmub_record, flags, 48);
FIELD(mmub_record, entry, 52);
FIELD(mmub_record, pid, 56);
FIELD(mmub_record, tid, 60);
FIELD(mmub_record, syscall_nr, 64);
FIELD(mmub_record, syscall_arch, 68);
FIELD(mmub_record, stack_id, 72);
FIELD(mmub_record, shadowed, 76);
FIELD(mmub_record, lost_from, 80);
FIELD(mmub_record, lost_to, 88);
FIELD(mmub_record, comm, 96);
FIELD(mmub_record, reserved, 112);

SIZE(mmub_ring_header, 128);
FIELD(mmub_ring_header, abi_version, 0);
FIELD(mmub_ring_header, record_size, 4);
FIELD(mmub_ring_header, records, 8);
FIELD(mmub_ring_header, data_offset, 12);
FIELD(mmub_ring_header, reserved0, 16);
FIELD(mmub_ring_header, head, 64);
FIELD(mmub_ring_header, state, 68);
FIELD(mmub_ring_header, n, 72);
FIELD(mmub_ring_header, lost, 80);
FIELD(mmub_ring_header, seq, 88);
FIELD(mmub_ring_header, completed_seq, 96);
FIELD(mmub_ring_header, active, 104);
FIELD(mmub_ring_header, reserved1, 112);

SIZE(mmub_ring_consumer, 16);
FIELD(mmub_ring_consumer, tail, 0);
FIELD(mmub_ring_consumer, reserved, 4);
FIELD(mmub_ring_consumer, lost_seen, 8);

SIZE(mmub_range, 16);
FIELD(mmub_range, start, 0);
FIELD(mmub_range, end, 8);

SIZE(mmub_filter, 24);
FIELD(mmub_filter, flags, 0);
FIELD(mmub_filter, nr_ranges, 4);
FIELD(mmub_filter, types, 8);
FIELD(mmub_filter, ranges, 16);

SIZE(mmub_stack, 24);
FIELD(mmub_stack, flags, 0);
FIELD(mmub_stack, stack_id, 4);
FIELD(mmub_stack, cause, 8);
FIELD(mmub_stack, text_size, 12);
FIELD(mmub_stack, text, 16);

SIZE(mmub_guard, 16);
FIELD(mmub_guard, word, 0);
FIELD(mmub_guard, event_seq, 8);

SIZE(mmub_guard_setup, 16);
FIELD(mmub_guard_setup, flags, 0);
FIELD(mmub_guard_setup, slots, 4);
FIELD(mmub_guard_setup, size, 8);

SIZE(mmub_guard_add, 32);
FIELD(mmub_guard_add, flags, 0);
FIELD(mmub_guard_add, slot, 4);
FIELD(mmub_guard_add, start, 8);
FIELD(mmub_guard_add, end, 16);
FIELD(mmub_guard_add, ignore, 24);

SIZE(mmub_guard_remove, 8);
FIELD(mmub_guard_remove, flags, 0);
FIELD(mmub_guard_remove, slot, 4);

SIZE(mmub_guard_event, 144);
FIELD(mmub_guard_event, flags, 0);
FIELD(mmub_guard_event, slot, 4);
FIELD(mmub_guard_event, word, 8);
FIELD(mmub_guard_event, record, 16);

SIZE(mmub_shadow_header, 128);
FIELD(mmub_shadow_header, start, 0);
FIELD(mmub_shadow_header, end, 8);
FIELD(mmub_shadow_header, mode, 16);
FIELD(mmub_shadow_header, end_state, 20);
FIELD(mmub_shadow_header, chunks_offset, 24);
FIELD(mmub_shadow_header, states_offset, 32);
FIELD(mmub_shadow_header, present, 40);
FIELD(mmub_shadow_header, event_seq, 48);
FIELD(mmub_shadow_header, dropped, 56);
FIELD(mmub_shadow_header, same, 64);
FIELD(mmub_shadow_header, moved, 72);
FIELD(mmub_shadow_header, reprotected, 80);
FIELD(mmub_shadow_header, gone, 88);
FIELD(mmub_shadow_header, upgraded, 96);
FIELD(mmub_shadow_header, mismatched, 104);
FIELD(mmub_shadow_header, reserved, 112);

SIZE(mmub_shadow_add, 64);
FIELD(mmub_shadow_add, flags, 0);
FIELD(mmub_shadow_add, mode, 4);
FIELD(mmub_shadow_add, start, 8);
FIELD(mmub_shadow_add, end, 16);
FIELD(mmub_shadow_add, shadow_id, 24);
FIELD(mmub_shadow_add, reserved, 28);
FIELD(mmub_shadow_add, state_offset, 32);
FIELD(mmub_shadow_add, pfn_offset, 40);
FIELD(mmub_shadow_add, state_size, 48);
FIELD(mmub_shadow_add, pfn_size, 56);

SIZE(mmub_shadow_remove, 8);
FIELD(mmub_shadow_remove, flags, 0);
FIELD(mmub_shadow_remove, shadow_id, 4);

SIZE(mmub_shadow_refresh, 112);
FIELD(mmub_shadow_refresh, flags, 0);
FIELD(mmub_shadow_refresh, shadow_id, 4);
FIELD(mmub_shadow_refresh, start, 8);
FIELD(mmub_shadow_refresh, end, 16);
FIELD(mmub_shadow_refresh, present, 24);
FIELD(mmub_shadow_refresh, writable, 32);
FIELD(mmub_shadow_refresh, huge, 40);
FIELD(mmub_shadow_refresh, added, 48);
FIELD(mmub_shadow_refresh, same, 56);
FIELD(mmub_shadow_refresh, moved, 64);
FIELD(mmub_shadow_refresh, reprotected, 72);
FIELD(mmub_shadow_refresh, gone, 80);
FIELD(mmub_shadow_refresh, upgraded, 88);
FIELD(mmub_shadow_refresh, mismatched, 96);
FIELD(mmub_shadow_refresh, busy, 104);

SIZE(mmub_access, 32);
FIELD(mmub_access, flags, 0);
FIELD(mmub_access, reserved, 4);
FIELD(mmub_access, addr, 8);
FIELD(mmub_access, size, 16);
FIELD(mmub_access, buffer, 24);

SIZE(mmub_window_create, 32);
FIELD(mmub_window_create, flags, 0);
FIELD(mmub_window_create, mem_fd, 4);
FIELD(mmub_window_create, start, 8);
FIELD(mmub_window_create, end, 16);
FIELD(mmub_window_create, fd, 24);
FIELD(mmub_window_create, reserved, 28);

SIZE(mmub_stats, 168);
FIELD(mmub_stats, flags, 0);
FIELD(mmub_stats, attached, 4);
FIELD(mmub_stats, gets, 8);
FIELD(mmub_stats, puts, 16);
FIELD(mmub_stats, allocations, 24);
FIELD(mmub_stats, frees, 32);
FIELD(mmub_stats, live_spaces, 40);
FIELD(mmub_stats, invalidations, 48);
FIELD(mmub_stats, nonblockable, 56);
FIELD(mmub_stats, releases, 64);
FIELD(mmub_stats, records, 72);
FIELD(mmub_stats, lost, 80);
FIELD(mmub_stats, space_id, 88);
FIELD(mmub_stats, space_users, 96);
FIELD(mmub_stats, space_invalidations, 104);
FIELD(mmub_stats, space_nonblockable, 112);
FIELD(mmub_stats, space_seq, 120);
FIELD(mmub_stats, space_completed_seq, 128);
FIELD(mmub_stats, space_active, 136);
FIELD(mmub_stats, sub_n, 144);
FIELD(mmub_stats, sub_records, 152);
FIELD(mmub_stats, sub_lost, 160);

SIZE(mmub_synchronize, 16);
FIELD(mmub_synchronize, flags, 0);
FIELD(mmub_synchronize, reserved, 4);
FIELD(mmub_synchronize, timeout_ns, 8);

COMMAND(INFO, 0xc060bd00);
COMMAND(ATTACH, 0xc038bd01);
COMMAND(DETACH, 0x4008bd02);
COMMAND(RING_SETUP, 0xc020bd03);
COMMAND(FILTER_SET, 0x4018bd04);
COMMAND(STACK, 0xc018bd05);
COMMAND(GUARD_ADD, 0xc020bd06);
COMMAND(GUARD_REMOVE, 0x4008bd07);
COMMAND(SHADOW_ADD, 0xc040bd08);
COMMAND(SHADOW_REMOVE, 0x4008bd09);
COMMAND(READ, 0xc020bd0a);
COMMAND(WRITE, 0xc020bd0b);
COMMAND(WINDOW_CREATE, 0xc020bd0c);
COMMAND(STATS, 0xc0a8bd0d);
COMMAND(SYNCHRONIZE, 0x4010bd0e);
COMMAND(GUARD_SETUP, 0xc010bd0f);
COMMAND(GUARD_EVENT, 0xc090bd10);
COMMAND(SHADOW_REFRESH, 0xc070bd11);

#undef SIZE
#undef FIELD
#undef COMMAND
