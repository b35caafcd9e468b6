// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import io.mmubridge.AddressSpace;
import io.mmubridge.AttachException;
import io.mmubridge.Capabilities;
import io.mmubridge.Filter;
import io.mmubridge.LaunchOption;
import io.mmubridge.MmuException;
import io.mmubridge.MmuStatistics;
import io.mmubridge.MmuUnavailableException;
import io.mmubridge.MmuUnavailableException.Reason;
import io.mmubridge.RingOptions;
import io.mmubridge.backend.Backend;
import io.mmubridge.backend.BackendLaunch;
import io.mmubridge.backend.BackendSubscription;
import io.mmubridge.backend.Lifetime;
import io.mmubridge.ffi.NativeLibrary;
import io.mmubridge.ffi.mmub_info;
import io.mmubridge.ffi.mmub_stats;
import io.mmubridge.ffi.mmubridge_h;
import io.mmubridge.model.SimulatedKernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The kernel module, through one descriptor for questions and one for each subscription. */
public final class KernelBackend implements Backend {
    /** More than most stacks take as text. */
    private static final int FRAMES_BYTES = 4096;

    private final Path device;

    /** Its path as C has it, since each subscription opens it. */
    private final MemorySegment devicePath;

    private final int descriptor;
    private final Lifetime lifetime = new Lifetime(this::release);
    private final Set<KernelSubscription> subscriptions = ConcurrentHashMap.newKeySet();

    /** Started with the first subscription that has a ring. */
    private @Nullable Poller poller;

    private KernelBackend(Path device) {
        this.device = device;
        devicePath = Arena.ofAuto().allocateFrom(device.toString());
        descriptor = openDescriptor();
    }

    /**
     * Opens a device.
     *
     * @throws MmuUnavailableException if it cannot be used, with what to do
     */
    public static KernelBackend open(Path device) {
        // Before the library, which where there is no module need not be there either.
        if (!Files.exists(device)) {
            throw noDevice(device);
        }
        NativeLibrary.require();
        return new KernelBackend(device);
    }

    /** A new descriptor of the device. */
    int openDescriptor() {
        int opened = mmub_open(devicePath);
        if (opened < 0) {
            throw unavailable(device, -opened);
        }
        return opened;
    }

    static void closeDescriptor(int descriptor) {
        int result = mmubridge_h.close(descriptor);
        assert result == 0 : "an open descriptor closes";
    }

    private static MmuUnavailableException unavailable(Path device, int error) {
        if (error == ENOENT() || error == ENXIO() || error == ENODEV()) {
            return noDevice(device);
        }
        if (error == EACCES() || error == EPERM()) {
            return new MmuUnavailableException(
                    Reason.NO_PERMISSION,
                    "This user may not open " + device + ". Add the user to the group mmubridge "
                            + "(usermod -aG mmubridge USER, then log in again), or run as root.");
        }
        if (error == EPROTO()) {
            return new MmuUnavailableException(
                    Reason.WRONG_VERSION,
                    "The loaded kernel module does not speak version " + MMUB_ABI_VERSION()
                            + " of the interface. Load the module that came with this library.");
        }
        if (error == ENOTTY() || error == EINVAL()) {
            return new MmuUnavailableException(
                    Reason.NOT_THE_DEVICE, device + " is not the device of the mmubridge module.");
        }
        return new MmuUnavailableException(Reason.OTHER, device + " cannot be opened: " + Errno.name(error) + ".");
    }

    private static MmuUnavailableException noDevice(Path device) {
        return new MmuUnavailableException(
                Reason.NO_DEVICE,
                "There is no " + device + ": the kernel module is not loaded. Load it with modprobe mmubridge as root, "
                        + "or run the command in a virtual machine with mmubridge --vm.");
    }

    @Override
    public String name() {
        return "kernel";
    }

    @Override
    public String reason() {
        return device + " is open and speaks version " + MMUB_ABI_VERSION() + " of the interface";
    }

    @Override
    public Optional<SimulatedKernel> simulatedKernel() {
        return Optional.empty();
    }

    @Override
    public Capabilities capabilities() {
        enter();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = mmub_info.allocate(arena);
            check("MMUB_IOC_INFO", mmub_info(descriptor, info));
            return capabilities(info);
        } finally {
            exit();
        }
    }

    private static Capabilities capabilities(MemorySegment info) {
        EnumSet<Capabilities.Feature> features = EnumSet.noneOf(Capabilities.Feature.class);
        for (Capabilities.Feature feature : Capabilities.Feature.values()) {
            if ((mmub_info.features(info) & bit(feature)) != 0) {
                features.add(feature);
            }
        }
        return new Capabilities(
                mmub_info.module_version(info).getString(0),
                mmub_info.abi_version(info),
                features,
                foreignRefusal(mmub_info.foreign_reason(info)),
                new Capabilities.Limits(
                        mmub_info.page_size(info),
                        mmub_info.subsystems(info),
                        mmub_info.subsystems_per_uid(info),
                        mmub_info.subscriptions_per_space(info),
                        mmub_info.subscriptions_per_uid(info),
                        mmub_info.ring_records_min(info),
                        mmub_info.ring_records_max(info),
                        mmub_info.filter_ranges(info),
                        mmub_info.guards_per_subscription(info),
                        mmub_info.shadows_per_subscription(info),
                        mmub_info.shadow_pages_per_subscription(info)));
    }

    private static int bit(Capabilities.Feature feature) {
        return switch (feature) {
            case WATCH -> MMUB_FEATURE_WATCH();
            case SYNCHRONIZE -> MMUB_FEATURE_SYNCHRONIZE();
            case FOREIGN -> MMUB_FEATURE_FOREIGN();
            case CAUSE -> MMUB_FEATURE_CAUSE();
            case GUARD -> MMUB_FEATURE_GUARD();
            case SHADOW -> MMUB_FEATURE_SHADOW();
            case ACCESS -> MMUB_FEATURE_ACCESS();
            case WINDOW -> MMUB_FEATURE_WINDOW();
        };
    }

    private static @Nullable String foreignRefusal(int reason) {
        if (reason == MMUB_FOREIGN_OK()) {
            return null;
        }
        if (reason == MMUB_FOREIGN_NO_PROC()) {
            return "/proc/self/mem could not be opened when the module was loaded: load it again where /proc is mounted";
        }
        return "this kernel's /proc/PID/mem does not hold the address space where the module looks for it";
    }

    @Override
    public MmuStatistics statistics() {
        enter();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stats = mmub_stats.allocate(arena);
            check("MMUB_IOC_STATS", mmub_stats(descriptor, stats));
            return new MmuStatistics(
                    mmub_stats.gets(stats),
                    mmub_stats.puts(stats),
                    mmub_stats.allocations(stats),
                    mmub_stats.frees(stats),
                    mmub_stats.live_spaces(stats),
                    mmub_stats.invalidations(stats),
                    mmub_stats.nonblockable(stats),
                    mmub_stats.releases(stats),
                    mmub_stats.records(stats),
                    mmub_stats.lost(stats));
        } finally {
            exit();
        }
    }

    @Override
    public boolean synchronize(long timeoutNanos) {
        enter();
        try {
            int result = mmub_synchronize(descriptor, timeoutNanos);
            if (result == -ETIMEDOUT()) {
                return false;
            }
            check("MMUB_IOC_SYNCHRONIZE", result);
            return true;
        } finally {
            exit();
        }
    }

    @Override
    public List<String> frames(int stackId) {
        enter();
        try (Arena arena = Arena.ofConfined()) {
            int size = FRAMES_BYTES;
            while (true) {
                MemorySegment text = arena.allocate(size);
                int needed = mmub_stack_text(descriptor, stackId, text, size);
                if (needed == -EPERM()) {
                    throw new MmuException("The frames of the kernel's stacks are for those who opened the device with "
                            + "CAP_SYS_ADMIN in the initial user namespace, as root has it.");
                }
                if (needed == -ENOENT()) {
                    throw new MmuException("There is no stack " + stackId + ".");
                }
                check("MMUB_IOC_STACK", needed);
                if (needed <= size) {
                    return text.getString(0).lines().toList();
                }
                size = needed;
            }
        } finally {
            exit();
        }
    }

    @Override
    public AddressSpace process(long pid) {
        ProcessHandle handle = ProcessHandle.of(pid)
                .orElseThrow(() -> new AttachException(
                        AttachException.Reason.GONE,
                        "There is no process " + pid + ", or /proc hides it (mount option hidepid)."));
        return new AddressSpace.OfProcess(handle);
    }

    @Override
    public BackendSubscription attach(String subsystem, AddressSpace space, RingOptions ring, Filter filter) {
        enter();
        try {
            KernelSubscription subscription = KernelSubscription.attach(this, subsystem, space, ring, filter);
            subscriptions.add(subscription);
            if (lifetime.isClosed()) {
                // close() may not have seen this one.
                subscription.close();
                throw new IllegalStateException("this Mmu was closed meanwhile");
            }
            return subscription;
        } finally {
            exit();
        }
    }

    @Override
    public BackendLaunch launch(List<String> command, boolean traced, Set<LaunchOption> options) {
        enter();
        try {
            return KernelLaunch.start(command, traced, options);
        } finally {
            exit();
        }
    }

    synchronized Poller poller() {
        if (poller == null) {
            poller = Poller.start();
        }
        return poller;
    }

    /** Goes inside, and so keeps the device and the poller. */
    void enter() {
        lifetime.enterOrThrow("this Mmu");
    }

    void exit() {
        lifetime.exit();
    }

    /** A subscription is gone, and with it what it had entered for. */
    void forget(KernelSubscription subscription) {
        subscriptions.remove(subscription);
        exit();
    }

    static void check(String call, int result) {
        if (result < 0) {
            throw new MmuException(call + " failed: " + Errno.name(-result) + ".");
        }
    }

    @Override
    public void close() {
        lifetime.close();
        subscriptions.forEach(KernelSubscription::close);
    }

    private synchronized void release() {
        if (poller != null) {
            poller.stop();
        }
        closeDescriptor(descriptor);
    }
}
