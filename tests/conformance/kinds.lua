-- The kinds of the conformance cases, as a Lua author writes them.
local lares = require "lares"

local members = {}

members.echo = {
    process = function(_, event) return event.data end,
}

members.tagged = {
    process = function(self, event)
        return self.argument .. ":" .. event.data
    end,
}

-- What remembers one number, and can hand it on.
local function remembering(process)
    return {
        init = function(self) self.n = 0 end,
        process = process,
        snapshot = function(self) return string.pack("<i8", self.n) end,
        restore = function(self, state)
            if #state ~= 8 then error("not a state of 8 bytes") end
            self.n = string.unpack("<i8", state)
        end,
    }
end

members.counter = remembering(function(self)
    self.n = self.n + 1
    return tostring(self.n)
end)

members.sum = remembering(function(self, event)
    local data = event.data
    if #data ~= 8 then error("not 8 bytes: " .. data) end
    self.n = self.n + string.unpack("<i8", data)
    return string.pack("<i8", self.n)
end)

-- Counts all the same, so that only a rebuild can take it back.
members.boom = remembering(function(self, event)
    self.n = self.n + 1
    if event.data == "boom" then error("boom") end
    return tostring(self.n)
end)

members["fail-once"] = {
    init = function(self) self.calls = 0 end,
    process = function(self)
        self.calls = self.calls + 1
        if self.calls == 1 then error("first call fails") end
        return tostring(self.calls - 1)
    end,
}

members.burst = {
    process = function(self, event)
        local times, output, channel =
            event.data:match("^(%d+):([^:]*):?([^:]*)$")
        for _ = 1, times do
            self:emit(output, channel ~= "" and channel or nil)
        end
    end,
}

members.late = {
    process = function(self, event)
        if event.origin == 0 then return event.data end -- its timer
        local ms, data = event.data:match("^(%d+):(.*)$")
        self:after(ms / 1000, data)
    end,
}

members.rubbish = {
    process = function() return { 1, 2, 3 } end,
}

-- Make the class of a kind, with the options of its registration.
return function(kind, options)
    local class = lares.daemon(kind, options)
    for name, member in pairs(members[kind]) do class[name] = member end
    return class
end
