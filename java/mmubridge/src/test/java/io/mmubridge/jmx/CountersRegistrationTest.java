// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jmx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmubridge.Cause;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationCounters;
import io.mmubridge.fake.Events;
import java.lang.management.ManagementFactory;
import java.util.Map;
import javax.management.JMX;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.management.openmbean.TabularData;
import org.junit.jupiter.api.Test;

class CountersRegistrationTest {
    private static final MBeanServer SERVER = ManagementFactory.getPlatformMBeanServer();

    private final InvalidationCounters counters = new InvalidationCounters();

    @Test
    void countersShowThroughTheServer() throws Exception {
        counters.accept(Events.start(1, EventType.UNMAP, Cause.MUNMAP, 0x1000, 0x4000));
        try (CountersRegistration registration = CountersRegistration.register("heap", counters)) {
            ObjectName name = new ObjectName("io.mmubridge:type=Invalidations,name=\"heap\"");
            assertThat(new ObjectName(registration.objectName())).isEqualTo(name);
            InvalidationsMXBean bean = JMX.newMXBeanProxy(SERVER, name, InvalidationsMXBean.class);
            counters.accept(Events.start(2, Cause.MADV_DONTNEED));
            counters.accept(Events.lost(3, 4));

            assertThat(bean.getEvents()).isEqualTo(2);
            assertThat(bean.getBytes()).isEqualTo(0x4000);
            assertThat(bean.getLost()).isEqualTo(2);
            assertThat(bean.getEventsByType()).containsEntry("UNMAP", 1L).containsEntry("MIGRATE", 0L);
            assertThat(bean.getBytesByType()).containsEntry("UNMAP", 0x3000L);
            assertThat(bean.getEventsByCause()).isEqualTo(Map.of("munmap", 1L, "madv_dontneed", 1L));
            assertThat(bean.getBytesByCause()).isEqualTo(Map.of("munmap", 0x3000L, "madv_dontneed", 0x1000L));
            assertThat(SERVER.getAttribute(name, "EventsByCause")).isInstanceOf(TabularData.class);
        }
    }

    @Test
    void closingTakesTheCountersOut() throws Exception {
        CountersRegistration registration = CountersRegistration.register("a, b=\"c\"*", counters);
        ObjectName name = new ObjectName(registration.objectName());
        assertThat(SERVER.isRegistered(name)).isTrue();

        registration.close();
        assertThat(SERVER.isRegistered(name)).isFalse();
        registration.close();
    }

    @Test
    void aNameThatIsTakenIsRefusedAndStaysWhoseItIs() throws Exception {
        try (CountersRegistration first = CountersRegistration.register("twice", counters)) {
            assertThatThrownBy(() -> CountersRegistration.register("twice", new InvalidationCounters()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("twice");
            assertThat(SERVER.isRegistered(new ObjectName(first.objectName()))).isTrue();
        }
    }

    @Test
    void closingAfterSomebodyElseTookThemOutIsNoError() throws Exception {
        CountersRegistration registration = CountersRegistration.register("gone", counters);
        SERVER.unregisterMBean(new ObjectName(registration.objectName()));

        registration.close();
    }
}
