// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.AddressRange;
import io.mmubridge.AttachException;
import io.mmubridge.Filter;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is limited is refused with a clear error, leaves nothing behind, and comes back. */
public abstract class LimitContract extends BackendContract {
    protected LimitContract(Machine machine) {
        super(machine);
    }

    private void assertLimited(String subsystem) {
        long gets = since().gets() - since().puts();
        assertThatExceptionOfType(AttachException.class)
                .isThrownBy(() -> get(subsystem))
                .satisfies(e -> assertThat(e.reason()).isEqualTo(AttachException.Reason.LIMIT));
        assertThat(since().users()).isEqualTo(gets);
    }

    @Test
    void namesAreLimitedAndComeBack() {
        int names = mmu.capabilities().limits().subsystemsPerUid();
        List<Subscription> subscriptions = new ArrayList<>();
        for (int i = 0; i < names; i++) {
            subscriptions.add(get("contract-" + i));
        }
        assertLimited(SUBSYSTEM);
        get("contract-0").close();
        subscriptions.getLast().close();

        get(SUBSYSTEM).close();
        subscriptions.forEach(Subscription::close);
    }

    @Test
    void subscriptionsOnOneAddressSpaceAreLimitedAndComeBack() {
        int each = mmu.capabilities().limits().subscriptionsPerSpace();
        List<Subscription> subscriptions = new ArrayList<>();
        for (int i = 0; i < each; i++) {
            subscriptions.add(get(SUBSYSTEM));
        }
        assertLimited(SUBSYSTEM);
        subscriptions.getFirst().close();

        get(SUBSYSTEM).close();
        subscriptions.forEach(Subscription::close);
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 1 << 20})
    void aRingThatTheLimitsDoNotAllowIsRefused(int records) {
        assertThat(mmu.capabilities().limits().ringRecordsMin()).isGreaterThan(4);
        assertThat(mmu.capabilities().limits().ringRecordsMax()).isLessThan(1 << 20);
        assertThatThrownBy(() -> get(SUBSYSTEM, RingOptions.ofRecords(records), Filter.all()))
                .isInstanceOf(MmuException.class)
                .hasMessageContaining("limits");
        assertThat(since().users()).isZero();
    }

    @Test
    void aFilterOfTooManyRangesIsRefused() {
        Filter filter = Filter.all();
        for (long i = 0; i <= mmu.capabilities().limits().filterRanges(); i++) {
            filter = filter.withRange(new AddressRange(i << 12, (i + 1) << 12));
        }
        Filter tooMany = filter;

        assertThatThrownBy(() -> get(SUBSYSTEM, RingOptions.none(), tooMany))
                .isInstanceOf(MmuException.class)
                .hasMessageContaining("ranges");
        assertThat(since().users()).isZero();
    }
}
