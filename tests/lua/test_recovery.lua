--- The recovery registry: one that stands alone, and a node's.
local lares = require "lares"
local check = require "check"

-- The slots of a pass, in its order, as text.
local function slots(rows)
    local list = {}
    for i, row in ipairs(rows) do list[i] = row.slot end
    return table.concat(list, " ")
end

-- The rows of a report whose state is this, by id.
local function rows_in(recovery, state)
    local rows = {}
    for _, row in ipairs(recovery:report()) do
        if row.state == state then rows[#rows + 1] = row end
    end
    return rows
end

-- The three tests of the seed document, under their names --------------------

-- id: REC1
-- id: REC2
-- id: REC5
check.test("try_run_all_collects_recovered_slots_and_drops_panicking_handlers",
    function()
        local recovery = lares.recovery()
        check.equal(#recovery, 0)
        local calls_a, calls_b = 0, 0
        check.equal(recovery:register(function()
            calls_a = calls_a + 1
            return {0, 1}
        end), 1)
        check.equal(recovery:register(function()
            calls_b = calls_b + 1
            error "simulated handler panic"
        end), 2)
        check.equal(#recovery, 2)
        for pass = 1, 2 do
            check.equal(slots(recovery:run()), "0 1")
            check.equal(#recovery, 1)
            check.equal(calls_a, pass)
            check.equal(calls_b, 1)
        end
        local evicted = rows_in(recovery, "evicted")
        check.equal(#evicted, 1)
        check.contains(evicted[1].text, "simulated handler panic")
    end)

-- id: REC3
-- id: REC5
check.test("try_run_all_allows_handler_to_register_new_handler", function()
    local recovery = lares.recovery()
    local invoked = 0
    recovery:register(function()
        recovery:register(function() return {99} end)
        invoked = invoked + 1
        return {7}
    end)
    check.equal(#recovery, 1)
    check.equal(slots(recovery:run()), "7")
    check.equal(invoked, 1)
    check.equal(#recovery, 2)
    local rows = recovery:run()
    table.sort(rows, function(a, b) return a.slot < b.slot end)
    check.equal(slots(rows), "7 99")
end)

-- Nothing runs beside a Lua program, so the only one who can register during a
-- pass is a handler. It returns at once, is counted, and does not join.
-- id: REC4
-- id: REC5
check.test("register_during_try_run_all_does_not_block_indefinitely",
    function()
        local recovery = lares.recovery()
        local in_handler, count, nested = 0, nil, nil
        recovery:register(function()
            in_handler = in_handler + 1
            if in_handler > 1 then return 0 end
            count = recovery:register(function() return 42 end)
            nested = recovery:run()
            return 0
        end)
        check.equal(slots(recovery:run()), "0")
        check.equal(in_handler, 1)
        check.equal(count, 2)
        check.equal(#nested, 0)
        check.equal(slots(recovery:run()), "0 42")
        check.equal(in_handler, 2)
    end)

-- What a handler may answer --------------------------------------------------

check.test("a handler answers nil, a slot, or an array of slots", function()
    local recovery = lares.recovery()
    local result
    recovery:register(function() return result end)
    check.equal(#recovery:run(), 0)
    result = 4294967295
    check.equal(slots(recovery:run()), "4294967295")
    result = 2.0
    check.equal(slots(recovery:run()), "2")
    result = {}
    check.equal(#recovery:run(), 0)
    result = {3, {slot = 4}, {group = -1, slot = 5}}
    local rows = recovery:run()
    check.equal(slots(rows), "3 4 5")
    check.equal(rows[1].group, 0)
    check.equal(rows[2].group, 0)
    check.equal(rows[3].group, -1)
    check.equal(rows[3].handler, 1)
    check.equal(math.type(rows[1].slot), "integer")
end)

-- The text with which a handler that answers this is evicted.
local function eviction(fn)
    local recovery = lares.recovery()
    recovery:register(fn, "subject")
    check.equal(#assert(recovery:run()), 0)
    check.equal(#recovery, 0)
    local row = rows_in(recovery, "evicted")[1]
    check.equal(row.name, "subject")
    return row.text
end

-- id: REC5
check.test("whatever else it answers evicts it, and is named", function()
    local function refused(part, result)
        check.contains(eviction(function() return result end),
            "subject returned " .. part)
    end
    refused("string, expected nil, a slot or an array of slots", "7")
    refused("boolean", true)
    refused("function", print)
    refused("the slot -1", -1)
    refused("the slot 4294967296", 4294967296)
    refused("the slot 1.5", 1.5)
    refused("the slot 1.5", {1.5})
    refused("a slot that is string", {"7"})
    refused("a slot that is nil", {{group = 5}})
    refused("a slot that is boolean", {{slot = true}})
    refused("a group that is string", {{slot = 1, group = "g"}})
    refused("the group 0.5", {{slot = 1, group = 0.5}})
    refused("a table with the key ", {group = 5, slot = 1})
    refused("a table with the key x", {7, x = 8})
end)

-- id: REC5
check.test("an error of any type evicts, and has frames", function()
    local function inner() error "deep" end
    local text = eviction(function() inner() end)
    check.contains(text, "deep\n")
    check.contains(text, " inner\n")
    check.contains(text, " handler")
    check.contains(eviction(function() error {} end), "error of type table")
    check.contains(eviction(function() error(nil) end), "error of type nil")
    check.contains(eviction(function() coroutine.yield() end),
        "attempt to yield")
    check.contains(eviction(function()
        local guard <close> = setmetatable({},
            {__close = function() error "while closing" end})
    end), "while closing")
end)

-- id: REC6
check.test("rows come in order, and none of a handler that failed", function()
    local recovery = lares.recovery()
    recovery:register(function() return {{group = 5, slot = 1}} end)
    recovery:register(function()
        return {{group = 6, slot = 2}, {group = 6, slot = "no"}}
    end)
    recovery:register(function() return {{group = 5, slot = 3}} end)
    local rows = recovery:run()
    check.equal(slots(rows), "1 3")
    check.equal(rows[1].group, 5)
    check.equal(rows[1].handler, 1)
    check.equal(rows[2].handler, 3)
end)

-- id: REC6
check.test("more than 256 slots of a call are refused, and counted",
    function()
        local recovery = lares.recovery()
        recovery:register(function()
            local many = {}
            for i = 1, 257 do many[i] = i end
            return many
        end)
        check.quickly(function() check.equal(#recovery:run(), 256) end)
        local row = recovery:report()[1]
        check.equal(row.state, "living")
        check.equal(row.recovered, 256)
        check.equal(row.refused, 1)
    end)

-- remove ---------------------------------------------------------------------

check.test("remove takes a function away, the oldest of several", function()
    local recovery = lares.recovery()
    local function one() return 1 end
    local function two() return 2 end
    recovery:register(one)
    recovery:register(two)
    check.equal(recovery:register(one), 3)
    check.equal(recovery:remove(one), true)
    check.equal(slots(recovery:run()), "2 1")
    check.equal(recovery:remove(one), true)
    check.equal(recovery:remove(one), false)
    check.equal(recovery:remove(print), false)
    check.equal(slots(recovery:run()), "2")
    check.equal(#recovery, 1)
end)

-- id: REC7
check.test("a handler removes itself, and a later one", function()
    local recovery = lares.recovery()
    local ran = 0
    local function later()
        ran = ran + 1
        return 2
    end
    local function first()
        check.equal(recovery:remove(first), true)
        check.equal(recovery:remove(first), false)
        check.equal(recovery:remove(later), true)
        return 1
    end
    recovery:register(first)
    recovery:register(later)
    check.equal(slots(recovery:run()), "1")
    check.equal(ran, 0)
    check.equal(#recovery, 0)
    check.equal(#rows_in(recovery, "evicted"), 0)
end)

check.test("an evicted handler cannot be removed, but comes back", function()
    local recovery = lares.recovery()
    local fail = true
    local function handler()
        if fail then error "not yet" end
        return 3
    end
    recovery:register(handler)
    recovery:run()
    check.equal(recovery:remove(handler), false)
    fail = false
    check.equal(recovery:register(handler), 1)
    local rows = recovery:run()
    check.equal(slots(rows), "3")
    check.equal(rows[1].handler, 2)
end)

-- Register three handlers, of which one stays, and note them in `alive`.
local function register_three(recovery, alive)
    local function kept() return 1 end
    local function removed() end
    local function evicted() error "no" end
    for _, fn in ipairs {kept, removed, evicted} do
        recovery:register(fn)
        alive[fn] = true
    end
    recovery:remove(removed)
end

-- id: AB04
check.test("a registry lets its handlers go", function()
    local alive = setmetatable({}, {__mode = "k"})
    local function count()
        collectgarbage()
        collectgarbage()
        local n = 0
        for _ in pairs(alive) do n = n + 1 end
        return n
    end
    local recovery = lares.recovery()
    register_three(recovery, alive)
    check.equal(slots(recovery:run()), "1")
    check.equal(count(), 1)
    recovery = nil
    check.equal(count(), 0)
end)

check.test("names and functions are checked", function()
    local recovery = lares.recovery()
    check.raises("function expected", recovery.register, recovery)
    check.raises("function expected", recovery.register, recovery, {})
    check.raises("zero byte", recovery.register, recovery, print, "a\0b")
    check.raises("ENAME", recovery.register, recovery, print, ("x"):rep(64))
    check.raises("function expected", recovery.remove, recovery, 1)
    check.equal(#recovery, 0)
    check.equal(recovery:register(function() end, ("x"):rep(63)), 1)
    check.equal(recovery:register(function() end), 2)
    check.equal(recovery:report()[2].name, "handler")
    check.equal(tostring(getmetatable(recovery)), "lares.recovery")
end)

-- A node's -------------------------------------------------------------------

check.test("each tick runs the registry of a node", function()
    local world = lares.world(1)
    local node = world:node "east"
    local ran = 0
    node.recovery:register(function()
        ran = ran + 1
        return ran == 3 and 7 or nil
    end, "heal")
    world:run(1.4)
    check.equal(ran, 2)
    world:run(0.2)
    check.equal(ran, 3)
    local row = node:report("recovery")[1]
    check.equal(row.name, "heal")
    check.equal(row.runs, 3)
    check.equal(row.recovered, 1)
    check.equal(slots(node.recovery:run()), "")
    check.equal(ran, 4)
end)

check.test("a node has one registry, and knows its functions", function()
    local node = check.node()
    local function handler() return 1 end
    node.recovery:register(handler)
    check.equal(node.recovery, node.recovery)
    check.equal(#node.recovery, 1)
    check.equal(node.recovery:remove(handler), true)
    check.equal(#node.recovery, 0)
end)

check.test("a Handler is registered like a class", function()
    local node = check.node()
    local heal = lares.handler("heal", function() return {4, 5} end)
    check.equal(node:register(heal), "heal")
    check.equal(slots(node.recovery:run()), "4 5")
    check.equal(node:report("recovery")[1].name, "heal")
    check.equal(node.recovery:remove(heal.run), true)
    heal.run = "text"
    check.raises("handler heal: run is string", node.register, node, heal)
    heal.name = 5
    check.raises("the name of a handler is number", node.register, node, heal)
    heal.name = "a\0b"
    check.raises("the name of a handler has a zero", node.register, node, heal)
    check.raises("ENAME", node.register, node,
        lares.handler(("x"):rep(64), print))
    check.equal(#node.recovery, 0)
end)

-- id: REC8
check.test("inside a daemon a pass is EDEADLK, registering works", function()
    local code, count
    local recovery = lares.recovery()
    local ran = false
    recovery:register(function() ran = true end)
    local daemon = check.daemon(function()
        code = select(3, recovery:run())
        count = recovery:register(function() end)
    end)
    assert(daemon:deliver "x")
    check.equal(code, "EDEADLK")
    check.equal(count, 2)
    check.equal(ran, false)
end)

check.test("a handler may deliver, publish and spawn", function()
    local node = check.node()
    node:register(check.counter())
    local daemon = node:spawn "counter"
    local data
    node.recovery:register(function()
        assert(daemon:deliver "x")
        data = assert(node:spawn "counter"):deliver("x")[1].data
        assert(node:publish("ticks", "x"))
        return 1
    end)
    check.equal(slots(assert(node.recovery:run())), "1")
    check.equal(data, "1")
    check.equal(daemon:deliver("x")[1].data, "2")
end)

check.test("the registry of a node ends with it", function()
    local node = check.node()
    local recovery = node.recovery
    recovery:register(function() end)
    node:close()
    check.answers("ECLOSED", recovery:register(function() end))
    check.answers("ECLOSED", recovery:run())
end)

check.test("a pass may run on a coroutine that is gone", function()
    local recovery = lares.recovery()
    coroutine.wrap(function()
        recovery:register(function()
            collectgarbage()
            return 1
        end)
    end)()
    collectgarbage()
    local rows
    coroutine.wrap(function() rows = recovery:run() end)()
    collectgarbage()
    check.equal(slots(rows), "1")
    check.equal(slots(recovery:run()), "1")
end)

return check.run()
